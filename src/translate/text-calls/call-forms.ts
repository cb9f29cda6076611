import type { Opening } from "./call-opening.ts";
import { nameKeys, readBareCalls, readJsonCalls } from "./json-calls.ts";
import {
  readDeepSeek,
  readGemma,
  readHarmony,
  readKimi,
  readMistral,
  readPython,
} from "./marked-calls.ts";
import type { Reading, Written } from "./text-call.ts";
import { readArguments, readFunctions, readInvokes } from "./xml-calls.ts";

/** How a family of models writes calls. */
export interface CallForm {
  readonly openings: readonly Opening[];
  /** What ends it; undefined where it reaches to the end of the answer. */
  readonly end?: string;
  /** True for what is a call only if it is the whole answer. */
  readonly isWhole?: true;
  readonly read: (written: Written) => Reading;
}

const quotes = ['"', "'"];
const quoted = (keys: readonly string[]) =>
  quotes.flatMap((quote) => keys.map((key) => quote + key + quote));
/** Of a call in JSON, where they stand in front of its name. */
const otherKeys = quoted(
  "id type index function arguments parameters tool_call_id".split(" "),
);
const objects: readonly Opening[] = [
  [["{"], "blanks", quoted(nameKeys), "blanks", [":"], "blanks", quotes, "name", quotes],
  [["{"], "blanks", otherKeys, "blanks", [":"]],
];
const json = [...objects, ...behind(["["], objects)];
const functions: Opening = [["<function="], "name", "blanks", [">"]];
const invokes = (open: string): Opening => [[`<${open}invoke name="`], "name", ['"']];
const dsml = "｜DSML｜";
const python: Opening = [["", "["], "name", ["("]];

/** Marks between which families write calls in each other's ways: what stands there decides. */
const wrappers: readonly (readonly [open: string, close: string])[] = [
  ["<tool_call>", "</tool_call>"],
  ["<tool_calls>", "</tool_calls>"],
  ["<function_calls>", "</function_calls>"],
  ["<minimax:tool_call>", "</minimax:tool_call>"],
  ["<seed:tool_call>", "</seed:tool_call>"],
  ["<｜DSML｜function_calls>", "</｜DSML｜function_calls>"],
  ["<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>"],
  ["<TOOLCALL>", "</TOOLCALL>"],
  ["[TOOL_REQUEST]", "[END_TOOL_REQUEST]"],
  ["<|tool_call|>", "<|/tool_call|>"],
  ["<|tool_call_start|>", "<|tool_call_end|>"],
  ["<|action_start|><|plugin|>", "<|action_end|>"],
  ["<|START_ACTION|>", "<|END_ACTION|>"],
];

const bodies: readonly Opening[] = [...json, functions, invokes(""), invokes(dsml), python];

const wrapped: readonly CallForm[] = wrappers.map(([open, end]) => {
  const glm: Opening = ["name", "blanks", ["<arg_key>", end]];
  return { openings: behind([open], [...bodies, glm]), end, read: within(open, end, readBody) };
});

/** Qwen, Llama, Mistral, DeepSeek, Kimi, GLM, MiniMax, gpt-oss, Gemma, LM Studio's own and others. */
export const callForms: readonly CallForm[] = [
  ...wrapped,
  { openings: [functions], end: "</function>", read: readFunctions },
  { openings: [invokes("")], end: "</invoke>", read: readInvokes },
  { openings: [invokes(dsml)], end: `</${dsml}invoke>`, read: readInvokes },
  {
    openings: [[["<｜tool▁calls▁begin｜>"], "blanks", ["<｜tool▁call▁begin｜>"]]],
    end: "<｜tool▁calls▁end｜>",
    read: readDeepSeek,
  },
  {
    openings: [[["<|tool_calls_section_begin|>"], "blanks", ["<|tool_call_begin|>"]]],
    end: "<|tool_calls_section_end|>",
    read: readKimi,
  },
  {
    openings: [[["<|tool_call>"], "blanks", ["call:"], "name", "blanks", ["{"]]],
    end: "<tool_call|>",
    read: readGemma,
  },
  {
    openings: [[["<start_function_call>"], "blanks", ["call:"], "name", "blanks", ["{"]]],
    end: "<end_function_call>",
    read: readGemma,
  },
  {
    openings: [[
      ["<|channel|>", "<|start|>assistant<|channel|>"],
      ["commentary", "analysis"],
      "blanks",
      ["to=functions.", "to="],
      "name",
      ["<", " "],
    ]],
    end: "<|call|>",
    read: readHarmony,
  },
  {
    openings: [
      ...behind(["[TOOL_CALLS]"], json),
      [["[TOOL_CALLS]"], "blanks", "name", "blanks", ["[ARGS]", "[CALL_ID]", "{"]],
    ],
    read: readMistral,
  },
  {
    openings: behind(["<|python_tag|>"], objects),
    read: within("<|python_tag|>", "", readJsonCalls),
  },
  {
    openings: [...json, ...behind(["```", "```json", "```tool_call"], json)],
    isWhole: true,
    read: readBareCalls,
  },
  { openings: [[["["], "name", ["("]]], isWhole: true, read: readPython },
];

/** The same behind one of these marks. */
function behind(marks: readonly string[], openings: readonly Opening[]): readonly Opening[] {
  return openings.map((opening) => [marks, "blanks", ...opening]);
}

/** Reads what stands between these marks. */
function within(open: string, end: string, read: CallForm["read"]): CallForm["read"] {
  return ({ text, ...rest }) => {
    const until = text.endsWith(end) ? text.length - end.length : text.length;
    return read({ ...rest, text: text.slice(open.length, until) });
  };
}

function readBody(written: Written): Reading {
  const words = written.text.trimStart();
  if (/^\[?[\w.-]+\(/.test(words)) return readPython(written);
  if (/^[{[]/.test(words)) return readJsonCalls(written);
  if (words.startsWith("<function=")) return readFunctions(written);
  return words.startsWith("<") ? readInvokes(written) : readArguments(written);
}
