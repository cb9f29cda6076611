import { describe, test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Backend, Observation } from "../../src/backend/backend.ts";
import { apiUrl, withoutSecrets } from "../../src/backend/openai-compatible.ts";
import { ProxyError } from "../../src/core/errors.ts";
import type { MessageEvent, MessagesRequest } from "../../src/protocol/anthropic.ts";
import { question } from "../support/proxy.ts";
import { streamed, text, upstream, usage } from "../support/upstream.ts";

const origin = { session: "s-1", agent: "a-1", requestClass: "subagent" } as const;
const accepted = { event: "accepted", prompt_tokens: 50, cached_tokens: 40, miss: null };

describe("the address of a server", () => {
  for (
    const [given, expected] of [
      ["http://localhost:1234", "http://localhost:1234/v1"],
      ["http://localhost:1234/", "http://localhost:1234/v1"],
      ["http://localhost:1234/v1", "http://localhost:1234/v1"],
      ["http://localhost:1234/v1/", "http://localhost:1234/v1"],
      ["https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"],
      ["https://host/api/v3", "https://host/api/v3"],
    ] as const
  ) {
    test(`${given} means ${expected}`, () => {
      assertEquals(apiUrl(given), expected);
    });
  }

  test("is never shown with credentials", () => {
    assertEquals(withoutSecrets("https://me:pass@host/v1?key=k"), "https://host/v1");
  });
});

describe("a request", () => {
  test("carries the key and the session, and asks for a stream with usage", async () => {
    const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]));

    await all(backend);

    const [{ url, headers, body } = assertCall()] = calls;
    assertEquals(url, "http://model.test/v1/chat/completions");
    assertEquals(headers.get("authorization"), "Bearer upstream-key");
    assertEquals(headers.get("x-claude-code-session-id"), "s-1");
    assertEquals([body["stream"], body["stream_options"]], [true, { include_usage: true }]);
  });

  test("goes to where the server is by then", async () => {
    let port = 1;
    const address = () => ({ baseUrl: `http://127.0.0.1:${port}`, apiKey: `key ${port}` });
    const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]), { address });

    await all(backend);
    port = 2;
    await all(backend);

    assertEquals(calls.map(({ url, headers }) => [url, headers.get("authorization")]), [
      ["http://127.0.0.1:1/v1/chat/completions", "Bearer key 1"],
      ["http://127.0.0.1:2/v1/chat/completions", "Bearer key 2"],
    ]);
  });

  test("tells only our own server who asks", async () => {
    const foreign = upstream(() => streamed([text("Hi", "stop")]));
    const ours = upstream(() => streamed([text("Hi", "stop")]), { ours: true, project: "p-1" });

    await all(foreign.backend);
    await all(ours.backend);

    const [theirs, mine] = [foreign, ours].map(({ calls: [call] }) => call ?? assertCall());
    assertEquals([theirs?.headers.get("x-anyclaude"), theirs?.body["anyclaude"]], [
      null,
      undefined,
    ]);
    assertEquals([mine?.headers.get("x-anyclaude"), mine?.body["anyclaude"]], [
      "1",
      { session: "s-1", agent: "a-1", class: "subagent", project: "p-1", own_chars: 0 },
    ]);
  });

  test("says how much of a question the user wrote, behind the client's reminders", async () => {
    const blocks = ["<system-reminder>x</system-reminder>", "read 🦊.txt"]
      .map((said) => ({ type: "text" as const, text: said }));
    const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]), { ours: true });

    const asked = { ...question, messages: [{ role: "user" as const, content: blocks }] };
    await Array.fromAsync(stream(backend, [], asked));

    assertEquals((calls[0]?.body["anyclaude"] as { own_chars: number }).own_chars, 10);
  });
});

describe("observations", () => {
  test("report what our server says as soon as it says so", async () => {
    const miss = { reason: "diverged", position: 40, message: 4, part: "tool" };
    const { backend } = upstream(() =>
      streamed([
        { choices: [], anyclaude: { ...accepted, miss } },
        text("Hi", "stop"),
        usage(50, 1, 40),
        { choices: [], anyclaude: { event: "timing", prefill_seconds: 2, decode_seconds: 1 } },
      ]), { ours: true });
    const seen: Observation[] = [];

    const first = await stream(backend, seen)[Symbol.asyncIterator]().next();
    const beforeTheAnswer = seen.length;
    await all(backend, seen);

    assertEquals((first.value as MessageEvent).type, "message_start");
    assertEquals([beforeTheAnswer, seen[0]], [1, {
      promptTokens: 50,
      cachedTokens: 40,
      miss: { reason: "diverged", position: 40, part: "message 4 (tool)" },
    }]);
    assertEquals(seen.at(-1), { prefillSeconds: 2, decodeSeconds: 1 });
  });

  test("leave out what a server does not say", async () => {
    const seen: Observation[] = [];

    await all(upstream(() => streamed([text("Hi", "stop"), usage(9, 1)])).backend, seen);

    assertEquals(seen, [{ promptTokens: 9 }]);
  });
});

describe("a server that cannot be used", () => {
  const unreachable = () => {
    throw Object.assign(new TypeError("fetch failed"), { code: "ECONNREFUSED" });
  };

  test("is named without its credentials when it cannot be reached", async () => {
    const { backend } = upstream(unreachable, {
      address: () => ({ baseUrl: "http://me:pass@model.test/v1", apiKey: undefined }),
    });

    const error = await assertRejects(() => all(backend), ProxyError, "http://model.test");

    assert(!error.message.includes("pass"), error.message);
    assertEquals([error.type, error.final], ["api_error", true]);
  });

  test("is waited for when it is ours, because it comes back", async () => {
    const { backend } = upstream(unreachable, { ours: true });

    const error = await assertRejects(() => all(backend), ProxyError);

    assertEquals([error.type, error.retryAfterSeconds], ["overloaded_error", 1]);
  });

  test("fails before the answer begins when its first chunk is an error", async () => {
    const { backend } = upstream(() =>
      streamed([{ error: { message: "maximum context length is 8 tokens" } }])
    );

    await assertRejects(() => all(backend), ProxyError, "prompt is too long");
  });

  test("is refused for good when it sends a web page", async () => {
    const headers = { "content-type": "text/html; charset=utf-8" };
    const { backend } = upstream(() => new Response("<html></html>", { headers }));

    const error = await assertRejects(() => all(backend), ProxyError, "web page");

    assertEquals(error.final, true);
  });

  test("is refused when it does not send chunks", async () => {
    const { backend } = upstream(() => new Response("data: <html>\n\n"));

    await assertRejects(() => all(backend), ProxyError, "not a chat chunk");
  });
});

describe("counting", () => {
  test("is exact where the server can count", async () => {
    const { calls, backend } = upstream(() => Response.json({ count: 17, max_model_len: 8192 }));

    const count = await backend.countTokens(question, new AbortController().signal);

    assertEquals(count, { inputTokens: 17, exact: true });
    assertEquals(calls[0]?.url, "http://model.test/tokenize");
  });

  test("is a stated estimate elsewhere", async () => {
    const { backend } = upstream(() => new Response("no", { status: 404 }));

    const count = await backend.countTokens(
      { ...question, messages: [{ role: "user", content: "x".repeat(4000) }] },
      new AbortController().signal,
    );

    assertEquals(count.exact, false);
    assert(count.inputTokens > 990 && count.inputTokens < 1030, String(count.inputTokens));
  });
});

describe("models", () => {
  test("have the context length that the server names, under any of its names", async () => {
    const { backend } = upstream(() =>
      Response.json({
        data: [{ id: "a", context_length: 1 }, { id: "b", max_model_len: 2 }, {
          id: "c",
          max_context_length: 3,
        }, { id: "d" }],
      })
    );

    const models = await backend.models(new AbortController().signal);

    assertEquals(models.map(({ contextLength }) => contextLength), [1, 2, 3, undefined]);
  });
});

function stream(
  backend: Backend,
  seen: Observation[] = [],
  asked: MessagesRequest = question,
) {
  const observe = (observation: Observation) => void seen.push(observation);
  const { signal } = new AbortController();
  return backend.stream(asked, { signal, origin, isFresh: false, observe });
}

async function all(backend: Backend, seen?: Observation[]): Promise<MessageEvent[]> {
  seen?.splice(0);
  return await Array.fromAsync(stream(backend, seen));
}

function assertCall(): never {
  throw new Error("the server was not asked");
}
