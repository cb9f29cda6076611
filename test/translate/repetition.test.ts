import { describe, test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Message, MessagesRequest } from "../../src/protocol/anthropic.ts";
import { illegalities } from "../support/legal-stream.ts";
import { question } from "../support/proxy.ts";
import { told } from "../support/told.ts";
import { translateChunks, translateResponse } from "../support/translate.ts";
import { chunk, encodeChunk } from "../support/upstream.ts";

const input = { path: "a.txt" };
const parameters = { type: "object", properties: { path: { type: "string" } } };
const tools = ["Read", "Write"].map((name) => ({ name, input_schema: parameters }));

describe("an answer that repeats itself", () => {
  for (const field of ["content", "reasoning_content"]) {
    test(`is ended in its ${field}, and no more is read`, async () => {
      const { response, sent } = endless(() => chunk({ [field]: "on and on ".repeat(5) }));

      const sse = await translateResponse(response);

      const { blocks, stopReason } = told(sse);
      assertEquals(illegalities(sse), []);
      assertEquals([stopReason, blocks.length], ["end_turn", 2]);
      assertMatch(JSON.stringify(blocks[1]), /\[anyclaude ended this answer: .* without end\]/);
      assertEquals(sent() < 200, true, String(sent()));
    });
  }

  test("says nothing of what follows in the same piece", async () => {
    const content = ["on and on ".repeat(2000), "more"].map((text) => ({ type: "text", text }));

    const sse = await translateChunks([chunk({ content })]);

    assertEquals([sse.includes("more"), sse.includes(`"text_delta","text":""`)], [false, false]);
    assertEquals(told(sse).blocks.length, 2);
  });

  test("is ended in a call's arguments, which then cannot be executed", async () => {
    const { response } = endless((count) => call(count === 0 ? `{"path":"` : "on and on "));

    const sse = await translateResponse(response, { request: asked() });

    const [broken, note] = told(sse).blocks as [{ input: unknown }, { text: string }];
    assertEquals(illegalities(sse, ["broken arguments"]), []);
    assertEquals(typeof broken.input, "string");
    assertMatch(note.text, /without end/);
  });

  test("is ended after ten equal calls", async () => {
    const { response } = endless((count) => {
      const id = `call_${count}`;
      return chunk({ tool_calls: [{ id, function: { name: "Read", arguments: input } }] });
    });

    const sse = await translateResponse(response, { request: asked() });

    const { blocks, stopReason } = told(sse);
    assertEquals(illegalities(sse), []);
    assertEquals([stopReason, blocks.length], ["tool_use", 11]);
    assertMatch(JSON.stringify(blocks[10]), /Read was called 10 times with the same arguments/);
  });

  test("is not ended while its calls differ", async () => {
    const chunks = Array.from({ length: 30 }, (_, count) =>
      chunk({
        tool_calls: [{
          id: `c${count}`,
          function: { name: "Read", arguments: { path: `${count}` } },
        }],
      }));

    const sse = await translateChunks([...chunks, chunk({}, "tool_calls")]);

    assertEquals(told(sse).blocks.length, 30);
  });
});

describe("a call that was made ten times in a row with the same result", () => {
  const again = [chunk({}), call(`{"path":`), call(` "a.txt"}`), chunk({}, "tool_calls")];

  test("is not made once more, and the user is told", async () => {
    const sse = await translateChunks(again, { request: asked(turns(10)) });

    const { blocks, stopReason } = told(sse);
    assertEquals(illegalities(sse), []);
    assertEquals([stopReason, blocks.length], ["end_turn", 1]);
    assertMatch(
      JSON.stringify(blocks[0]),
      /Read was called 10 times in a row with the same result/,
    );
  });

  test("is not made in text either", async () => {
    const content = `<tool_call>{"name": "Read", "arguments": {"path": "a.txt"}}</tool_call>`;

    const sse = await translateChunks([chunk({ content }, "stop")], { request: asked(turns(10)) });

    assertEquals([told(sse).stopReason, told(sse).blocks.length], ["end_turn", 1]);
  });

  const harmless: readonly (readonly [name: string, before: Message[], chunks?: unknown[]])[] = [
    ["it was made nine times", turns(9)],
    ["a result differs", [...turns(5), ...turns(1, "pending"), ...turns(5)]],
    ["another call stands in between", [...turns(5), ...turns(1, "", "Write"), ...turns(5)]],
    ["the user has said something since", [...turns(10), { role: "user", content: "go on" }]],
    ["its arguments differ this time", turns(10), [
      call(`{"path": "b.txt"}`),
      chunk({}, "tool_calls"),
    ]],
  ];
  for (const [name, before, chunks = again] of harmless) {
    test(`is a call like any other when ${name}`, async () => {
      const { blocks } = told(await translateChunks(chunks, { request: asked(before) }));

      assertEquals(blocks.map((block) => (block as { name?: string }).name), ["Read"]);
    });
  }

  test("is noticed behind the client's reminders", async () => {
    const reminder = { type: "text" as const, text: "<system-reminder>x</system-reminder>" };
    const before = turns(10).map((message): Message =>
      message.role === "user" && Array.isArray(message.content)
        ? { ...message, content: [...message.content, reminder] }
        : message
    );

    const { blocks } = told(await translateChunks(again, { request: asked(before) }));

    assert("text" in (blocks[0] as object));
  });
});

function call(json: string) {
  return chunk({
    tool_calls: [{ index: 0, id: "c", function: { name: "Read", arguments: json } }],
  });
}

/** A server that goes on for as long as it is read. */
function endless(next: (count: number) => unknown) {
  let count = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(encodeChunk(next(count++))),
  }, { highWaterMark: 0 });
  return { response: new Response(body), sent: () => count };
}

function turns(count: number, result = "the same", name = "Read"): Message[] {
  return Array.from({ length: count }, (_, turn): Message[] => {
    const id = `toolu_${name}${result}${turn}`;
    return [
      { role: "assistant", content: [{ type: "tool_use", id, name, input }] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: result }] },
    ];
  }).flat();
}

function asked(messages: readonly Message[] = []): MessagesRequest {
  return { ...question, tools, messages: [...question.messages, ...messages] };
}
