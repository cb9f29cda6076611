import fc from "fast-check";
import type { MessagesRequest } from "../../src/protocol/anthropic.ts";

/** What a model says, before any server has put it into its dialect. */
export interface Answer {
  readonly parts: readonly Part[];
  readonly end: "turn" | "limit" | "sequence" | "refusal";
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
}

export type Part =
  | { readonly kind: "thinking" | "text"; readonly text: string }
  /** `json`: the arguments as the model wrote them. */
  | { readonly kind: "call"; readonly name: string; readonly json: string };

export const stopSequence = "\u2404STOP";

/** What every generated answer is an answer to: its calls fit the schemas of these tools. */
export const question: MessagesRequest = {
  model: "local-model",
  max_tokens: 1000,
  messages: [{ role: "user", content: "Hello" }],
  stop_sequences: [stopSequence],
  tools: [
    { name: "Anything", input_schema: { type: "object" } },
    { name: "Nothing", input_schema: { type: "object", properties: {} } },
    {
      name: "Read",
      input_schema: {
        type: "object",
        properties: {
          path: { type: "string" },
          limit: { type: "integer" },
          flags: { type: "array", items: { type: "boolean" } },
        },
        required: ["path"],
      },
    },
  ],
};

/**
 * Words that have broken translators, marks of calls among them, but no call of a declared tool,
 * nothing to repair and no loop: of these the client is told something else than what was written.
 */
const words = [
  ..."Hello|world|the|a| |\n|\n\n|\t|世界|🦊|👩‍👩‍👧|e\u0301|\u2028|\0|\\|\"|'|`|```json\n|```".split(
    "|",
  ),
  ...'data:|[DONE]|event: error|: ping|{"error":1}|{}|[]|<|</|<think>|</think>|<b>|\\n|\\ud83d|null'
    .split("|"),
  ...["<tool_call>", "</tool_call>", "[TOOL_CALLS]", "<function=", '{"name":', "<|", "|>"],
  ...[" is ", "< think", "1 < 2", '{"a":', "}", "]", "%s", "\ufeff", "\u0085", "\r\n", "\r"],
];

const text = fc.oneof(
  { weight: 3, arbitrary: fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc.array(fc.string({ unit: "binary", minLength: 1 }), {
      minLength: 1,
      maxLength: 3,
    }),
  },
).map((pieces) => pieces.join("")).filter((said) => !/^\s*<think>/.test(said));

const anything = fc.dictionary(
  fc.oneof(fc.constantFrom("a", "__proto__", "constructor", "", "ключ", "🦊"), fc.string()),
  fc.oneof(text, fc.jsonValue({ maxDepth: 3 })),
  { maxKeys: 4 },
);
const read = fc.record(
  { path: text, limit: fc.integer(), flags: fc.array(fc.boolean(), { maxLength: 3 }) },
  { requiredKeys: ["path"] },
);
/** Models write JSON with and without blanks. */
const indent = fc.constantFrom(undefined, 1, 2);
const called = fc.tuple(
  fc.oneof(
    fc.tuple(fc.constant("Anything"), anything),
    fc.tuple(fc.constant("Nothing"), fc.constant({})),
    fc.tuple(fc.constant("Read"), read),
  ),
  indent,
).map(([[name, input], spaces]): Part => ({
  kind: "call",
  name,
  json: JSON.stringify(input, null, spaces),
}));

const said = fc.record({ kind: fc.constantFrom("thinking", "text"), text }, {
  noNullPrototype: true,
});
/** No call twice: a loop of them would be cut. */
const once = {
  comparator: (one: Part, other: Part) =>
    one.kind === "call" && JSON.stringify(one) === JSON.stringify(other),
};
const parts: fc.Arbitrary<readonly Part[]> = fc.oneof(
  fc.uniqueArray(fc.oneof(said, called), { maxLength: 6, ...once }),
  fc.uniqueArray(called, { minLength: 2, maxLength: 4, ...once }),
);

/** Any answer; one that is cut may be cut within its last call. */
export const answers: fc.Arbitrary<Answer> = fc.record({
  parts,
  end: fc.constantFrom("turn", "turn", "turn", "limit", "sequence", "refusal"),
  promptTokens: fc.integer({ min: 1, max: 200_000 }),
  cachedTokens: fc.nat({ max: 200_000 }),
  outputTokens: fc.integer({ min: 1, max: 10_000 }),
  kept: fc.nat({ max: 100 }),
}).map(({ kept, ...answer }) => ({
  ...answer,
  cachedTokens: Math.min(answer.cachedTokens, answer.promptTokens),
  parts: answer.end === "limit" ? cutLast(answer.parts, kept) : answer.parts,
}));

function cutLast(parts: readonly Part[], kept: number): readonly Part[] {
  const last = parts.at(-1);
  if (last?.kind !== "call") return parts;
  const json = [...last.json].slice(0, kept).join("");
  return [...parts.slice(0, -1), { ...last, json }];
}
