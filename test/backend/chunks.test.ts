import { describe, test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { toChunks } from "../../src/backend/chunks.ts";
import { ProxyError } from "../../src/core/errors.ts";
import type { ChatChunk } from "../../src/protocol/openai.ts";

const whole = { object: "chat.completion", choices: [{ index: 0, message: { content: "Hi" } }] };
const text = `data: {"choices":[]}\n\n`;

describe("an answer that is no stream although one was asked for", () => {
  for (const type of ["application/json", "text/event-stream", undefined]) {
    test(`is one chunk and the end, sent as ${type}`, async () => {
      assertEquals(await all(`\ufeff\n ${JSON.stringify(whole, undefined, 2)}\n`, type), [
        whole,
        { isEnd: true },
      ]);
    });
  }

  test("is an error when it holds one", async () => {
    const error = await assertRejects(() => all(`{"error": {"message": "no"}}`), ProxyError);

    assertEquals(error.message, `worded {"error":{"message":"no"}}`);
  });

  test("is an error when it holds a list of them", async () => {
    await assertRejects(() => all(`[{"error": {"message": "no"}}]`), ProxyError, "worded [");
  });

  test("is broken off when it does not end", async () => {
    const error = await assertRejects(() => all(`{"choices": [`), ProxyError, "broke off");

    assertEquals(error.type, "overloaded_error");
  });

  test("is refused for good when it is a web page", async () => {
    const error = await assertRejects(() => all("\n<html></html>"), ProxyError, "web page");

    assertEquals(error.final, true);
  });
});

describe("a stream", () => {
  test("ends with what the server says is the end", async () => {
    assertEquals(await all(`${text}data: [DONE]\n\n${text}`), [{ choices: [] }, { isEnd: true }]);
  });

  test("has no end when the server does not say so", async () => {
    assertEquals(await all(text), [{ choices: [] }]);
  });

  test("may leave out the last blank line", async () => {
    assertEquals(await all(`${text}data: {"choices":null}`), [{ choices: [] }, { choices: null }]);
  });

  for (const [what, cut] of [["a chunk", `data: {"choi`], ["the end", "data: [DON"]] as const) {
    test(`ends where the connection broke in ${what}`, async () => {
      assertEquals(await all(text + cut), [{ choices: [] }]);
    });
  }

  test("may hold events without anything", async () => {
    assertEquals(await all(`data:\n\n${text}data:  \n\n`), [{ choices: [] }]);
  });

  test("is refused when half a chunk is followed by another", async () => {
    await assertRejects(() => all(`data: {"choi\n\n${text}`), ProxyError, "not a chat chunk");
  });

  for (const data of ["5", "null", `"text"`, "<html>"]) {
    test(`is refused when it holds ${data}`, async () => {
      await assertRejects(() => all(`data: ${data}\n\n`), ProxyError, "not a chat chunk");
    });
  }

  test("is an error where an event says so, whatever it holds", async () => {
    const event = `event: error\ndata: {"reason": "no"}\n\n`;

    await assertRejects(() => all(text + event), ProxyError, `worded {"reason":"no"}`);
  });

  test("that is not read to its end is given up", async () => {
    let isCancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode(text)),
      cancel: () => {
        isCancelled = true;
      },
    });

    for await (const _ of toChunks(new Response(body), toError)) break;

    assertEquals(isCancelled, true);
  });
});

async function all(body: string, type?: string): Promise<ChatChunk[]> {
  const response = new Response(body, type ? { headers: { "content-type": type } } : {});
  return await Array.fromAsync(toChunks(response, toError));
}

function toError(body: unknown): ProxyError {
  return new ProxyError("api_error", `worded ${JSON.stringify(body)}`);
}
