import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { cut } from "../support/cut.ts";
import { allExcuses, illegalities } from "../support/legal-stream.ts";
import { question } from "../support/proxy.ts";
import { told } from "../support/told.ts";
import { translateChunks } from "../support/translate.ts";
import { chunk } from "../support/upstream.ts";

const whole = (name: string, args: string) => ({ function: { name, arguments: args } });
const asked = { ...question, tools: [{ name: "Read" }, { name: "Bash" }] };
const piece = (args: string) => ({ function: { arguments: args } });

/** Tool calls as servers send them, chunk by chunk, and what they mean. */
const dialects: readonly [string, unknown[][], [string, unknown][]][] = [
  [
    "with index 0 for each and no ids",
    [[{ index: 0, ...whole("Read", `{"p":1}`) }], [{ index: 0, ...whole("Bash", `{"c":2}`) }]],
    [["Read", { p: 1 }], ["Bash", { c: 2 }]],
  ],
  [
    "with one id for each and no index",
    [[{ id: "c", ...whole("Read", `{"p":1}`) }], [{ id: "c", ...whole("Read", `{"p":2}`) }]],
    [["Read", { p: 1 }], ["Read", { p: 2 }]],
  ],
  [
    "with a fresh id in every piece",
    [[{ index: 0, id: "x1", ...whole("Read", `{"p"`) }], [{ index: 0, id: "x2", ...piece(":1}") }]],
    [["Read", { p: 1 }]],
  ],
  [
    "with the name repeated in every piece",
    [
      [{ index: 0, id: "x", ...whole("Read", `{"p"`) }],
      [{ index: 0, id: "x", ...whole("Read", ":1}") }],
    ],
    [["Read", { p: 1 }]],
  ],
  [
    "with names in pieces",
    [[{ index: 0, id: "x", ...whole("Re", "") }], [{ index: 0, ...whole("ad", "") }], [
      { index: 0, ...piece(`{"p":1}`) },
    ]],
    [["Read", { p: 1 }]],
  ],
  [
    "with one index for each and no arguments",
    [[{ index: 0, id: "x", ...whole("Read", "") }], [{ index: 0, id: "y", ...whole("Bash", "") }]],
    [["Read", {}], ["Bash", {}]],
  ],
  [
    "with one index for each, one name and no arguments",
    [[{ index: 0, id: "x", ...whole("Read", "") }], [{ index: 0, id: "y", ...whole("Read", "") }]],
    [["Read", {}], ["Read", {}]],
  ],
  [
    "told apart by their position only",
    [[whole("Read", ""), whole("Bash", "")], [piece(`{"p":1}`), piece(`{"c":2}`)]],
    [["Read", { p: 1 }], ["Bash", { c: 2 }]],
  ],
];

describe("tool calls", () => {
  for (const [name, chunks, expected] of dialects) {
    test(`${name} stay apart`, async () => {
      const deltas = chunks.map((tool_calls) => chunk({ tool_calls }));

      const sse = await translateChunks([...deltas, chunk({}, "tool_calls")], { request: asked });

      assertEquals(told(sse).blocks, expected.map(([name, input]) => ({ name, input })));
      assertEquals(illegalities(sse), []);
    });
  }

  test("keep all their arguments when text comes in between", async () => {
    const sse = await translateChunks([
      chunk({ tool_calls: [{ index: 0, id: "a", ...whole("Read", `{"p"`) }] }),
      chunk({ content: "x" }),
      chunk({ tool_calls: [{ index: 0, ...piece(":1}") }] }),
      chunk({}, "tool_calls"),
    ]);

    assertEquals(told(sse).blocks, [{ name: "Read", input: { p: 1 } }, { text: "x" }]);
  });
});

describe("an answer", () => {
  const properties = { path: { type: "string" }, limit: { type: "integer" } };
  const tools = [{ name: "Read", input_schema: { type: "object", properties } }];
  const request = { ...question, tools };
  const called = (args: string) => [
    chunk({ tool_calls: [{ index: 0, id: "c", ...whole("Read", args) }] }),
    chunk({}, "tool_calls"),
  ];

  for (
    const [name, chunks, expected] of [
      ["nothing when it is told as it came", called(`{"path": "a"}`), undefined],
      ["that calls were repaired", called(`{"path": "a", "limit": "5"`), "repaired"],
      ["that a name was repaired", called(`{}`).map((each) => renamed(each)), "repaired"],
      ["that it had to be ended", [chunk({ content: "on and on ".repeat(2000) })], "ended"],
    ] as const
  ) {
    test(`says ${name}`, async () => {
      let altered: string | undefined;

      await translateChunks(chunks, { request, observe: (each) => altered ??= each.altered });

      assertEquals(altered, expected);
    });
  }

  test("keeps a call that our own server left in the text", async () => {
    const content = `<tool_call>{"name": "Read", "arguments": {"path": "a"}}</tool_call>`;

    const sse = await translateChunks([chunk({ content }, "stop")], { request, ours: true });

    assertEquals(told(sse).blocks, [{ text: content }]);
  });

  test("that is to be JSON is no call", async () => {
    const content = `{"name": "Read", "arguments": {"path": "a"}}`;
    const format = { type: "json_schema", schema: { type: "object" } };
    const formatted = { ...request, output_config: { format } };

    const sse = await translateChunks([chunk({ content }, "stop")], { request: formatted });

    assertEquals(told(sse).blocks, [{ text: content }]);
  });

  test("has no call in its text when none may be made", async () => {
    const content = `<tool_call>{"name": "Read", "arguments": {"path": "a"}}</tool_call>`;
    const none = { ...request, tool_choice: { type: "none" as const } };

    const sse = await translateChunks([chunk({ content }, "stop")], { request: none });

    assertEquals(told(sse).blocks, [{ text: content }]);
  });

  test("tells what was said in front of a call before it, whatever was held back", async () => {
    const sse = await translateChunks([chunk({ content: "So:\n<tool" }), ...called("{}")], {
      request,
    });

    assertEquals(told(sse).blocks, [{ text: "So:\n<tool" }, { name: "Read", input: {} }]);
  });

  test("opens no block for blanks", async () => {
    const blank = (content: string) => chunk({ content, reasoning_content: "\n" });

    const sse = await translateChunks([
      blank("\n"),
      ...called("{}"),
      blank("\n"),
      chunk({}, "stop"),
    ]);

    assertEquals(told(sse).blocks, [{ name: "Read", input: {} }]);
  });

  test("begins with the blanks in front of its first word", async () => {
    const sse = await translateChunks([chunk({ content: "  " }), chunk({ content: "x" }, "stop")]);

    assertEquals(told(sse).blocks, [{ text: "  x" }]);
  });

  test("keeps the arguments of a call that text cuts in two before they begin", async () => {
    const sse = await translateChunks([
      chunk({ tool_calls: [{ index: 0, id: "c", ...whole("Read", "") }] }),
      chunk({ content: "x" }),
      chunk({ tool_calls: [{ index: 0, ...piece(`{"path":"a"}`) }] }),
      chunk({}, "stop"),
    ]);

    assertEquals(told(sse).blocks, [{ name: "Read", input: { path: "a" } }, { text: "x" }]);
  });

  test("tells a second call as it comes once the first is complete", async () => {
    const sse = await translateChunks([
      ...called(`{"path":"a"}`).slice(0, 1),
      chunk({ tool_calls: [{ index: 1, id: "d", ...whole("Read", `{"path":"b`) }] }),
    ]);

    assertEquals(told(sse).blocks, [
      { name: "Read", input: { path: "a" } },
      { name: "Read", input: `{"path":"b` },
    ]);
  });
});

describe("any stream of chunks", () => {
  const odd = fc.oneof(
    fc.string(),
    fc.constantFrom(null, 5, true, "", "<think>", "</think>", "stop", "length", "tool_calls"),
    fc.constantFrom("<tool_call>", `{"name": "Read"`, "</tool_call>", "{", "}", ",", "\n", "'"),
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
    reasoning_details: odd,
    refusal: odd,
    function_call: odd,
    tool_calls: fc.oneof(fc.array(fc.oneof(call, odd), { maxLength: 3 }), odd),
  }, { requiredKeys: [] });
  const chunk = fc.record({
    choices: fc.oneof(
      fc.array(
        fc.oneof(
          fc.record({ delta, message: delta, index: odd, finish_reason: odd, stop_reason: odd }, {
            requiredKeys: [],
          }),
          odd,
        ),
      ),
      odd,
    ),
    usage: fc.oneof(fc.record({ prompt_tokens: odd, completion_tokens: odd }), odd),
    anyclaude: odd,
  }, { requiredKeys: [] });

  test("ends as a legal answer", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 8 }), async (chunks) => {
        const sse = await translateChunks(chunks, { request: asked });
        assertEquals(illegalities(sse, allExcuses), []);
        assert(!sse.includes("Internal proxy error"), "failed by a bug");
      }),
      { numRuns: 1000 },
    );
  });
});

describe("an answer in pieces", () => {
  const written = fc.array(
    fc.constantFrom(
      ...["<think>", "</think>", "<tool_call>", "</tool_call>", "[TOOL_CALLS]", "```", "\n", " "],
      ...[`{"name": "Read", "arguments": {"path": `, `"a"`, "}", "}}", "x", "<function=Bash>"],
      ...["</function>", `{"name": "Read"`, "'", ",", "null"],
    ),
    { maxLength: 15 },
  ).map((pieces) => pieces.join(""));
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 });

  test("means the same however its text and its arguments are cut", async () => {
    const ask = async (texts: readonly string[], args: readonly string[]) => {
      const chunks = [
        ...texts.map((content) => chunk({ content })),
        chunk({ tool_calls: [{ index: 0, id: "c", ...whole("Read", "") }] }),
        ...args.map((json) => chunk({ tool_calls: [{ index: 0, ...piece(json) }] })),
        chunk({}, "tool_calls"),
      ];
      return told(await translateChunks(chunks, { request: asked })).blocks;
    };

    await fc.assert(
      fc.asyncProperty(written, written, sizes, async (text, args, each) => {
        const inPieces = await ask(cut(text, each), cut(args, each));

        assertEquals(inPieces, await ask([text], [args]));
      }),
      { numRuns: 500 },
    );
  });
});

/** With a name that only means the tool's. */
function renamed(each: ReturnType<typeof chunk>) {
  return JSON.parse(JSON.stringify(each).replace("Read", "functions.read")) as typeof each;
}
