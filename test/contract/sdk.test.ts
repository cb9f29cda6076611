import Anthropic from "@anthropic-ai/sdk";
import { describe, test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createApp } from "../../src/server/app.ts";
import { silentLog } from "../../src/core/log.ts";
import { randomId } from "../../src/core/ids.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Backend } from "../../src/backend/backend.ts";
import { toMetrics } from "../../src/monitor/metrics.ts";
import { question, token } from "../support/proxy.ts";
import { settled } from "../support/fake-clock.ts";
import { streamed, text, upstream, usage } from "../support/upstream.ts";

const call = (index: number, id: string, path: string) => ({
  choices: [{
    delta: {
      tool_calls: [{ index, id, function: { name: "Read", arguments: JSON.stringify({ path }) } }],
    },
  }],
});
const end = (finish_reason: string) => ({ choices: [{ delta: {}, finish_reason }] });

describe("the official SDK", () => {
  test("assembles streamed text and its usage", async () => {
    const { backend } = upstream(() =>
      streamed([text("Hello "), text("世界", "stop"), usage(20, 2, 5)])
    );
    const pieces: string[] = [];

    const stream = connect(backend).messages.stream(question).on("text", (each) => {
      pieces.push(each);
    });
    const message = await stream.finalMessage();

    assertEquals(pieces, ["Hello ", "世界"]);
    assertEquals([message.model, message.stop_reason], ["local-model", "end_turn"]);
    assertEquals(
      [message.usage.input_tokens, message.usage.cache_read_input_tokens],
      [15, 5],
    );
    assertEquals(message.usage.output_tokens, 2);
  });

  test("gets a whole message when it asks for one", async () => {
    const { backend } = upstream(() => streamed([text("Hello", "stop")]));

    const message = await connect(backend).messages.create(question);

    assertEquals(message.content as unknown, [{ type: "text", text: "Hello" }]);
  });

  for (const mode of ["streamed", "whole"]) {
    test(`gets parallel tool calls, ${mode}`, async () => {
      const { backend } = upstream(() =>
        streamed([call(0, "call_0", "a"), call(1, "call_0", "b"), end("stop")])
      );
      const { messages } = connect(backend);

      const message = mode === "whole"
        ? await messages.create(question)
        : await messages.stream(question).finalMessage();

      const uses = message.content.filter((block) => block.type === "tool_use");
      assertEquals(uses.map(({ input }) => input), [{ path: "a" }, { path: "b" }]);
      assertEquals(new Set(uses.map(({ id }) => id)).size, 2);
      assertEquals(message.stop_reason, "tool_use");
    });
  }

  test("gets thinking with a signature that it can send back", async () => {
    const { backend, calls } = upstream(() =>
      streamed([{ choices: [{ delta: { reasoning_content: "Hm" } }] }, text("Yes", "stop")])
    );
    const client = connect(backend);

    const { content } = await client.messages.stream(question).finalMessage();
    await client.messages.create({
      ...question,
      messages: [...question.messages, { role: "assistant", content }, {
        role: "user",
        content: "More",
      }],
    });

    assert(content[0]?.type === "thinking" && content[0].signature !== "");
    const sent = calls[1]?.body["messages"] as Record<string, unknown>[];
    assertEquals(sent[1], { role: "assistant", content: "Yes", reasoning_content: "Hm" });
  });

  test("goes through a tool loop", async () => {
    let turn = 0;
    const { backend, calls } = upstream(() =>
      (turn += 1) === 1
        ? streamed([call(0, "call_0", "a.txt"), end("tool_calls")])
        : streamed([text("It says hi", "stop")])
    );
    const client = connect(backend);

    const first = await client.messages.create(question);
    const [use] = first.content;
    assert(use?.type === "tool_use");
    const second = await client.messages.create({
      ...question,
      messages: [
        ...question.messages,
        { role: "assistant", content: first.content },
        { role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "hi" }] },
      ],
    });

    assertEquals(second.stop_reason, "end_turn");
    assertEquals((calls[1]?.body["messages"] as unknown[]).at(-1), {
      role: "tool",
      tool_call_id: "call00001",
      content: "hi",
    });
  });

  const errors = [
    [429, Anthropic.RateLimitError],
    [404, Anthropic.NotFoundError],
    [400, Anthropic.BadRequestError],
    [401, Anthropic.PermissionDeniedError],
    [500, Anthropic.InternalServerError],
    [503, Anthropic.InternalServerError],
  ] as const;
  for (const [status, errorClass] of errors) {
    test(`throws its own class for an upstream's ${status}`, async () => {
      const { backend } = upstream(() => Response.json({ error: { message: "No" } }, { status }));

      const error = await assertRejects(
        () => connect(backend).messages.stream(question).finalMessage(),
      );

      assert(error instanceof errorClass, String(error));
    });
  }

  test("throws when the answer breaks off", async () => {
    const { backend } = upstream(() => streamed([text("Hel")], { done: false }));

    const error = await assertRejects(
      () => connect(backend).messages.stream(question).finalMessage(),
    );

    assert(error instanceof Anthropic.APIError, String(error));
  });

  test("throws for a wrong token", async () => {
    const { backend } = upstream(() => streamed([]));

    const error = await assertRejects(() => connect(backend, "wrong").messages.create(question));

    assert(error instanceof Anthropic.AuthenticationError, String(error));
  });

  test("recognises that threads are not supported", async () => {
    const { backend } = upstream(() => streamed([]));
    const body = { ...question, thread: { type: "create" } };

    const error = await assertRejects(() => connect(backend).messages.create(body as never));

    assert(error instanceof Anthropic.BadRequestError, String(error));
    const { error: { details } } = error.error as { error: { details: unknown } };
    assertEquals(details, { error_code: "thread_unsupported_request" });
  });

  test("stops the upstream when its stream is aborted", async () => {
    const { backend, calls } = upstream((held) => streamed([text("Hi")], { held }));

    const stream = connect(backend).messages.stream(question);
    await new Promise((resolve) => stream.once("text", resolve));
    stream.abort();
    await stream.done().catch(() => {});
    await settled();

    assertEquals(calls[0]?.signal.aborted, true);
  });

  test("counts tokens", async () => {
    const { backend } = upstream(() => Response.json({ count: 17 }));

    const { input_tokens } = await connect(backend).messages.countTokens({
      model: "m",
      messages: question.messages,
    });

    assertEquals(input_tokens, 17);
  });

  test("lists models", async () => {
    const { backend } = upstream(() => Response.json({ data: [{ id: "a" }, { id: "b" }] }));

    const { data } = await connect(backend).models.list();

    assertEquals(data.map(({ id, type }) => [id, type]), [["a", "model"], ["b", "model"]]);
  });
});

/** The official client, talking to our app in memory: no port, no network. */
function connect(backend: Backend, apiKey = token): Anthropic {
  const app = createApp({
    ...{ version: "0.0.0", token, metrics: () => toMetrics([], undefined) },
    service: {
      ...{ kind: "translate", mode: "openai", backend, log: silentLog, newId: randomId },
      ...{ clock: systemClock, onRecord() {} },
    },
  });
  return new Anthropic({
    apiKey,
    baseURL: "http://127.0.0.1",
    maxRetries: 0,
    fetch: async (input, init) => {
      const request = new Request(input as string, init as RequestInit);
      request.headers.set("host", "127.0.0.1");
      return await app.fetch(request);
    },
  });
}
