import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { DeclaredTools } from "../../src/translate/answer/declared-tools.ts";
import { TextCalls } from "../../src/translate/text-calls/text-calls.ts";
import { cutText } from "../support/cut-text.ts";

const parameters = {
  properties: { path: { type: "string" }, limit: { type: "integer" } },
  required: ["path"],
};
const tools = new DeclaredTools(
  ["Read", "Write", "ReadAll"].map((name) => ({
    type: "function",
    function: { name, parameters },
  })),
);

const read = { name: "Read", input: { path: "a\nb", limit: 2 } };
const json = `{"path": "a\\nb", "limit": 2}`;
const bare = `{"name": "Read", "parameters": ${json}}`;
const xml = "<function=Read>\n<parameter=path>\na\nb\n</parameter>\n" +
  "<parameter=limit>\n2\n</parameter>\n</function>";
const invoke = `<invoke name="Read">\n<parameter name="path">a\nb</parameter>\n` +
  `<parameter name="limit">2</parameter>\n</invoke>`;
const dsml = invoke.replaceAll(/<(\/?)(invoke|parameter)/g, "<$1｜DSML｜$2");
const glm = "Read\n<arg_key>path</arg_key>\n<arg_value>a\nb</arg_value>\n" +
  "<arg_key>limit</arg_key>\n<arg_value>2</arg_value>\n";
const deepSeek = (body: string) => `<｜tool▁call▁begin｜>${body}<｜tool▁call▁end｜>`;
const deepSeek3 = deepSeek(`function<｜tool▁sep｜>Read\n\`\`\`json\n${json}\n\`\`\``);
const deepSeek31 = deepSeek(`Read<｜tool▁sep｜>${json}`);
const kimi =
  `<|tool_call_begin|>functions.Read:0<|tool_call_argument_begin|>${json}<|tool_call_end|>`;
const gemma = `call:Read{path:<|"|>a\nb<|"|>,limit:2}`;
const python = `Read(path="a\\nb", limit=2)`;

type Told = string | { readonly name: string; readonly input: unknown };

/** What a model wrote into its text, and what it means. The corpus of the MLX server is part of it. */
const calls: readonly (readonly [name: string, written: string, meant: readonly Told[]])[] = [
  ["Qwen 2.5 and 3, Hermes", `<tool_call>\n${bare}\n</tool_call>`, [read]],
  ["behind text", `I look.\n\n<tool_call>${bare}</tool_call>\n`, ["I look.", read]],
  ["before text", `<tool_call>${bare}</tool_call>\nDone.`, [read, "\nDone."]],
  ["two", `<tool_call>${bare}</tool_call>\n<tool_call>${bare}</tool_call>`, [read, read]],
  ["two between one pair of marks", `<tool_call>\n${bare}\n${bare}\n</tool_call>`, [read, read]],
  ["a list", `<tool_call>[${bare}, ${bare}]</tool_call>`, [read, read]],
  ["indented", `  <tool_call>${bare}</tool_call>`, [read]],
  [
    "arguments as text",
    `<tool_call>{"name": "Read", "arguments": ${JSON.stringify(json)}}</tool_call>`,
    [read],
  ],
  [
    "OpenAI's shape",
    `<tool_call>{"type": "function", "function": {"name": "Read", "arguments": ${json}}}</tool_call>`,
    [read],
  ],
  [
    "the name behind the arguments",
    `<tool_call>{"arguments": ${json}, "name": "Read"}</tool_call>`,
    [read],
  ],
  [
    "Python's quotes",
    `<tool_call>{'name': 'Read', 'arguments': {'path': 'a\\nb', 'limit': 2}}</tool_call>`,
    [read],
  ],
  ["without its end mark", `<tool_call>${bare}`, [read]],
  ["a bracket missing", `<tool_call>${bare.slice(0, -1)}</tool_call>`, [read]],
  ["a bracket too many", `<tool_call>${bare}}</tool_call>`, [read]],
  ["a line end in a text", `<tool_call>${bare}</tool_call>`.replace("\\n", "\n"), [read]],
  [
    "the end mark in an argument",
    `<tool_call>{"name": "Read", "arguments": {"path": "</tool_call>"}}</tool_call>`,
    [{ name: "Read", input: { path: "</tool_call>" } }],
  ],
  ["no arguments", `<tool_call>{"name": "Read"}</tool_call>`, [{ name: "Read", input: {} }]],
  ["Qwen 3 Coder", `<tool_call>\n${xml}\n</tool_call>`, [read]],
  ["Qwen 3 Coder without its first mark", `${xml}\n</tool_call>`, [read]],
  ["Qwen 3 Coder, two", `<tool_call>\n${xml}\n</tool_call>\n<tool_call>\n${xml}\n</tool_call>`, [
    read,
    read,
  ]],
  ["XML alone", `So:\n  ${xml}`, ["So:", read]],
  ["XML without its end", xml.replace("\n</function>", ""), [read]],
  ["XML in an argument", xml.replace("a\nb", "</function>"), [{
    name: "Read",
    input: { path: "</function>", limit: 2 },
  }]],
  ["Llama's function", `<function=Read>${json}</function>`, [read]],
  ["Llama", `<|python_tag|>${bare}`, [read]],
  ["Llama, two", `<|python_tag|>${bare}; ${bare}`, [read, read]],
  ["Llama without a mark", `\n${bare}\n`, [read]],
  ["Llama with its type", `{"type": "function", "name": "Read", "parameters": ${json}}`, [read]],
  ["JSON in a fence", `\`\`\`json\n${bare}\n\`\`\``, [read]],
  ["JSON in a list", `[${bare}]`, [read]],
  ["invoke", `So:\n${invoke}`, ["So:", read]],
  ["function_calls", `<function_calls>\n${invoke}\n</function_calls>`, [read]],
  ["MiniMax", `<minimax:tool_call>\n${invoke}\n${invoke}\n</minimax:tool_call>`, [read, read]],
  ["MiniMax M1", `<tool_calls>\n${bare}\n${bare}\n</tool_calls>`, [read, read]],
  ["Seed", `<seed:tool_call>\n${xml}\n</seed:tool_call>`, [read]],
  ["GLM", `<tool_call>${glm}</tool_call>`, [read]],
  ["Mistral", `[TOOL_CALLS][{"name": "Read", "arguments": ${json}}]`, [read]],
  ["Mistral, newer", `[TOOL_CALLS]Read[ARGS]${json}[TOOL_CALLS]Read${json}`, [read, read]],
  ["Mistral with ids", `[TOOL_CALLS]Read[CALL_ID]a1B2c3D4e[ARGS]${json}`, [read]],
  ["DeepSeek 3", `<｜tool▁calls▁begin｜>${deepSeek3}<｜tool▁calls▁end｜>`, [read]],
  ["DeepSeek 3.1", `<｜tool▁calls▁begin｜>${deepSeek31}${deepSeek31}<｜tool▁calls▁end｜>`, [
    read,
    read,
  ]],
  ["DeepSeek 3.2", `<｜DSML｜function_calls>\n${dsml}\n</｜DSML｜function_calls>`, [read]],
  [
    "DeepSeek 4",
    `<｜DSML｜tool_calls>\n<｜DSML｜invoke name="Read">\n<｜DSML｜parameter name="path" string="true">a\nb</｜DSML｜parameter>\n<｜DSML｜parameter name="limit" string="false">2</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>`,
    [read],
  ],
  [
    "DeepSeek 4, JSON",
    `<｜DSML｜tool_calls>\n<｜DSML｜invoke name="Read">\n${json}\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>`,
    [read],
  ],
  ["DeepSeek without its first mark", dsml, [read]],
  ["Kimi", `<|tool_calls_section_begin|>${kimi}${kimi}<|tool_calls_section_end|>`, [read, read]],
  [
    "gpt-oss",
    `<|channel|>commentary to=functions.Read <|constrain|>json<|message|>${json}<|call|>`,
    [read],
  ],
  ["Gemma 4", `<|tool_call>${gemma}<tool_call|>`, [read]],
  [
    "FunctionGemma",
    `<start_function_call>${gemma.replaceAll(`<|"|>`, "<escape>")}<end_function_call>`,
    [read],
  ],
  ["LFM", `<|tool_call_start|>[${python}, ${python}]<|tool_call_end|>`, [read, read]],
  ["OLMo", `<function_calls>\n${python}\n</function_calls>`, [read]],
  ["Llama 4", `[${python}]`, [read]],
  ["Nemotron", `<TOOLCALL>[${bare}]</TOOLCALL>`, [read]],
  ["Granite and Phi", `<|tool_call|>[${bare}]<|/tool_call|>`, [read]],
  ["Granite", `<|tool_call|>[${bare}]`, [read]],
  [
    "Command R",
    `<|START_ACTION|>[{"tool_call_id": "0", "tool_name": "Read", "parameters": ${json}}]<|END_ACTION|>`,
    [read],
  ],
  ["InternLM", `<|action_start|><|plugin|>\n${bare}<|action_end|>`, [read]],
  ["LM Studio", `[TOOL_REQUEST]${bare}[END_TOOL_REQUEST]`, [read]],
  ["behind a fence that is closed", `\`\`\`\n<tool_call>\n\`\`\`\n<tool_call>${bare}</tool_call>`, [
    "```\n<tool_call>\n```",
    read,
  ]],
];

const texts: readonly string[] = [
  `\`\`\`xml\n<tool_call>${bare}</tool_call>\n\`\`\``,
  `\`\`\`\`md\n\`\`\`\n<tool_call>${bare}</tool_call>\n\`\`\`\n\`\`\`\``,
  `\`\`\`\n\`\`\`xml\n<tool_call>${bare}</tool_call>\n\`\`\``,
  `~~~\n${xml}\n~~~ and on`,
  `\`\`\`js\nconst call =\n${bare}\n\`\`\`\nThat is a call.`,
  `A call looks like <tool_call>${bare}</tool_call> in Qwen.`,
  `Write \`${bare}\` there`,
  `Here it is:\n${bare}`,
  `${bare}\nis how it looks`,
  `Here:\n\`\`\`json\n${bare}\n\`\`\``,
  `<tool_call>\n${bare.replace("Read", "Delete")}\n</tool_call>`,
  `<tool_call>\n${bare.replace("Read", "read")}\n</tool_call>`,
  bare.replace("Read", "Delete"),
  `<tool_call>[${bare}, ${bare.replace("Read", "Delete")}]</tool_call>`,
  `<｜tool▁calls▁begin｜>${deepSeek31.replace("Read", "Delete")}<｜tool▁calls▁end｜>`,
  `{"name": "Read", "id": 3}`,
  xml.replace("Read", "Delete"),
  `<tool_call>${bare.slice(0, -2)}`,
  `<tool_call>${bare.slice(0, -20)}</tool_call>`,
  `<tool_call>{not json}</tool_call>`,
  `<tool_call>{"name": "Read", "arguments": [1]}</tool_call>`,
  `<tool_call>{"name": "Read", "arguments": {}} and so on</tool_call>`,
  `<function=Write>\n<parameter=limit>\n2\n</parameter>\n`,
  `<function=Write>\n<parameter=path>\na\n`,
  `<function=Read>\n<parameter=path>\na\n</parameter>\nand so on\n</function>`,
  `[TOOL_CALLS] is what Mistral writes`,
  `[TOOL_CALLS]`,
  `[TOOL`,
  `[Read(path="a")] is how Llama 4 calls`,
  `[Read(the docs)]`,
  `<|python_tag|>print(1)`,
  `{"name": "Ann", "age": 3}`,
  `{"name": "Read", "age": 3}`,
  `{"name": "Read`,
  `<tool_`,
  `  <function=`,
  "a < b\n<c>\n``` \n`",
  `\n\n  if x:\n      <tool_call>`,
  `ends with\n<tool_call>\n`,
  `<tool_call>\n`.repeat(100),
  `| a | b |\n|---|---|\n| <tool_call> | [Read](b) |\n`,
];

const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });
const examples: [number[]][] = [[[1]], [[10_000]]];

describe("a call in a text", () => {
  for (const [name, written, meant] of calls) {
    test(`is found: ${name}`, () => {
      fc.assert(
        fc.property(sizes, (each) => {
          assertEquals(told(written, each), meant);
        }),
        { examples, numRuns: 30 },
      );
    });

    test(`is found whole or not at all where the answer is cut off: ${name}`, () => {
      const whole = meant.filter((each) => typeof each === "object");

      for (let length = 0; length < written.length; length += 1) {
        const found = told(written.slice(0, length), [5], "cut")
          .filter((each) => typeof each === "object");
        assertEquals(found, whole.slice(0, found.length));
      }
    });
  }
});

describe("what only looks like a call", () => {
  for (const written of texts) {
    test(`stays the text it is: ${JSON.stringify(written.slice(0, 50))}`, () => {
      fc.assert(
        fc.property(sizes, (each) => {
          assertEquals(told(written, each), [written]);
        }),
        { examples, numRuns: 30 },
      );
    });
  }

  test("and is any text, stays as it is", () => {
    const odd = fc.constantFrom(
      ...[
        "\n",
        " ",
        "`",
        "```",
        "~~~",
        "<",
        "[",
        "{",
        "}",
        "]",
        ">",
        "x",
        "Read",
        '"name": "Read"',
      ],
      ...[
        "<tool_call>",
        "</tool_call>",
        "<function=Read>",
        "[TOOL_CALLS]",
        "<|python_tag|>",
        "call:",
      ],
      ...[
        "<｜tool▁calls▁begin｜>",
        '<invoke name="Read">',
        "</invoke>",
        "<parameter=path>",
        "(path=",
      ],
    );
    const written = fc.array(odd, { maxLength: 30 }).map((each) => each.join(""));

    fc.assert(
      fc.property(written, sizes, (text, each) => {
        const whole = told(text, [10_000]);
        assertEquals(told(text, each), whole);
        if (whole.every((each) => typeof each === "string")) assertEquals(whole.join(""), text);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("text", () => {
  test("is held back only as long as it may become a call", () => {
    const found = new TextCalls(tools, false);

    assertEquals(found.feed("Hello <tool"), [{ text: "Hello <tool" }]);
    assertEquals(found.feed("_call>{ there\n"), [{ text: "_call>{ there" }]);
    assertEquals(found.feed("<tool_call>"), []);
    assertEquals(found.feed(`{"name": "Rea`), []);
    assertEquals(found.feed(`lly"`), [{ text: `\n<tool_call>{"name": "Really"` }]);
  });

  test("is a call as soon as its end mark has come", () => {
    const found = new TextCalls(tools, false);

    const heard = cutText(`<tool_call>${bare}</tool_call>`, [1]).map((each) => found.feed(each));

    assertEquals(heard.findIndex((each) => each.length > 0), heard.length - 1);
    assertEquals(heard.at(-1)?.length, 1);
  });

  test("that is to be JSON is not a call", () => {
    const found = new TextCalls(tools, true);

    assertEquals([...found.feed(bare), ...found.finish("end")], [{ text: bare }]);
  });

  test("of a request without tools passes at once", () => {
    const found = new TextCalls(new DeclaredTools([]), false);

    assertEquals(found.feed("<tool_call>"), [{ text: "<tool_call>" }]);
  });

  test("behind a call that came otherwise is no bare call", () => {
    const found = new TextCalls(tools, false);
    found.finish("call");

    assertEquals([...found.feed(bare), ...found.finish("end")], [{ text: bare }]);
  });
});

/** Neighbouring texts as one, calls with their input. */
function told(written: string, each: readonly number[], end: "end" | "cut" = "end"): Told[] {
  const found = new TextCalls(tools, false);
  const heard = [
    ...cutText(written, each).flatMap((piece) => found.feed(piece)),
    ...found.finish(end),
  ];
  const seen: Told[] = [];
  for (const each of heard) {
    const last = seen.at(-1);
    if ("call" in each) seen.push({ name: each.call.name, input: JSON.parse(each.call.json) });
    else if (typeof last === "string") seen[seen.length - 1] = last + each.text;
    else seen.push(each.text);
  }
  return seen;
}
