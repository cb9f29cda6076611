import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { illegalities } from "../support/legal-stream.ts";
import { translate } from "../support/translate.ts";

const whole = (name: string, args: string) => ({ function: { name, arguments: args } });
const piece = (args: string) => ({ function: { arguments: args } });

/** Tool calls as servers send them, chunk by chunk, and what they mean. */
const dialects: readonly [string, unknown[][], [string, string][]][] = [
  [
    "with index 0 for each and no ids",
    [[{ index: 0, ...whole("Read", `{"p":1}`) }], [{ index: 0, ...whole("Bash", `{"c":2}`) }]],
    [["Read", `{"p":1}`], ["Bash", `{"c":2}`]],
  ],
  [
    "with one id for each and no index",
    [[{ id: "c", ...whole("Read", `{"p":1}`) }], [{ id: "c", ...whole("Read", `{"p":2}`) }]],
    [["Read", `{"p":1}`], ["Read", `{"p":2}`]],
  ],
  [
    "with a fresh id in every piece",
    [[{ index: 0, id: "x1", ...whole("Read", `{"p"`) }], [{ index: 0, id: "x2", ...piece(":1}") }]],
    [["Read", `{"p":1}`]],
  ],
  [
    "with the name repeated in every piece",
    [
      [{ index: 0, id: "x", ...whole("Read", `{"p"`) }],
      [{ index: 0, id: "x", ...whole("Read", ":1}") }],
    ],
    [["Read", `{"p":1}`]],
  ],
  [
    "told apart by their position only",
    [[whole("Read", ""), whole("Bash", "")], [piece(`{"p":1}`), piece(`{"c":2}`)]],
    [["Read", `{"p":1}`], ["Bash", `{"c":2}`]],
  ],
];

describe("tool calls", () => {
  for (const [name, chunks, expected] of dialects) {
    test(`${name} stay apart`, async () => {
      const told = await translate(stream(chunks.map((tool_calls) => ({ tool_calls }))));

      assertEquals(callsIn(told), expected);
      assertEquals(illegalities(told), []);
    });
  }

  test("keep all their arguments when text comes in between", async () => {
    const told = await translate(stream([
      { tool_calls: [{ index: 0, id: "a", ...whole("Read", `{"p"`) }] },
      { content: "\n" },
      { tool_calls: [{ index: 0, ...piece(":1}") }] },
    ]));

    assertEquals(callsIn(told), [["Read", `{"p":1}`]]);
  });
});

describe("any stream of chunks", () => {
  const odd = fc.oneof(
    fc.string(),
    fc.constantFrom(null, 5, true, "", "<think>", "</think>", "stop", "length", "tool_calls"),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const call = fc.record({
    index: fc.oneof(fc.nat({ max: 2 }), odd),
    id: fc.oneof(fc.constantFrom("a", "b"), odd),
    function: fc.oneof(
      fc.record({ name: fc.oneof(fc.constantFrom("Read", "Bash"), odd), arguments: odd }, {
        requiredKeys: [],
      }),
      odd,
    ),
  }, { requiredKeys: [] });
  const delta = fc.record({
    content: odd,
    reasoning_content: odd,
    reasoning: odd,
    tool_calls: fc.oneof(fc.array(fc.oneof(call, odd), { maxLength: 3 }), odd),
  }, { requiredKeys: [] });
  const chunk = fc.record({
    choices: fc.oneof(
      fc.array(fc.oneof(fc.record({ delta, finish_reason: odd, stop_reason: odd }), odd)),
      odd,
    ),
    usage: fc.oneof(fc.record({ prompt_tokens: odd, completion_tokens: odd }), odd),
    anyclaude: odd,
  }, { requiredKeys: [] });

  test("ends as a legal answer", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 8 }), async (chunks) => {
        const sse = chunks.map((each) => `data: ${JSON.stringify(each)}\n\n`).join("");
        assertEquals(illegalities(await translate([new TextEncoder().encode(sse)])), []);
      }),
      { numRuns: 1000 },
    );
  });
});

function stream(deltas: readonly unknown[]): Uint8Array[] {
  const chunks = [
    ...deltas.map((delta) => ({ choices: [{ delta, finish_reason: null }] })),
    { choices: [{ delta: {}, finish_reason: "tool_calls" }] },
  ];
  return chunks.map((each) => new TextEncoder().encode(`data: ${JSON.stringify(each)}\n\n`));
}

/** Name and arguments of each call that the client would see. */
function callsIn(sse: string): [string, string][] {
  const calls: [string, string][] = [];
  for (const [, json = ""] of sse.matchAll(/^data: (.*)$/gm)) {
    const { content_block, delta } = JSON.parse(json);
    if (content_block?.type === "tool_use") calls.push([content_block.name, ""]);
    const last = calls.at(-1);
    if (last && delta?.type === "input_json_delta") last[1] += delta.partial_json;
  }
  return calls;
}
