import { describe, test } from "node:test";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import type { Backend, Observation } from "../../src/backend/backend.ts";
import { ProxyError } from "../../src/core/errors.ts";
import type { MessageEvent, MessagesRequest } from "../../src/protocol/anthropic.ts";
import { question } from "../support/proxy.ts";
import { silentLog } from "../../src/core/log.ts";
import type { OpenAiOptions } from "../../src/backend/openai-compatible.ts";
import { FakeClock } from "../support/fake-clock.ts";
import {
  callOf,
  never,
  streamed,
  text,
  upstream,
  type UpstreamCall,
  usage,
} from "../support/upstream.ts";

const origin = { session: "s-1", agent: "a-1", requestClass: "subagent" } as const;
const accepted = { event: "accepted", prompt_tokens: 50, cached_tokens: 40, miss: null };

describe("a request", () => {
  test("carries the key and the session, and asks for a stream with usage", async () => {
    const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]));

    await all(backend);

    const [{ url, headers, body } = assertCall()] = calls;
    assertEquals(url, "http://model.test/v1/chat/completions");
    assertEquals(headers.get("authorization"), "Bearer upstream-key");
    assertEquals([body["stream"], body["stream_options"]], [true, { include_usage: true }]);
  });

  test("tells routers of clusters which conversation it belongs to, by the names they know", async () => {
    const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]));

    await all(backend);

    const { headers } = calls[0] ?? assertCall();
    assertEquals(
      [
        ...["x-session-id", "x-smg-routing-key", "x-claude-code-session-id"],
        ...["x-claude-code-agent-id", "x-claude-code-request-class"],
      ].map((name) => headers.get(name)),
      ["s-1", "s-1", "s-1", "a-1", "subagent"],
    );
  });

  test("tells OpenAI's cache which conversation it belongs to, in at most 64 characters", async () => {
    const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]), { kind: "openai" });
    const ask = (session: string | undefined) =>
      Array.fromAsync(backend.stream(question, callOf({ origin: { ...origin, session } })));

    for (const session of ["s-1", "s".repeat(65), `${"s".repeat(65)}2`, undefined]) {
      await ask(session);
    }

    const [short, long, other, none] = calls.map(({ body }) => body["prompt_cache_key"]);
    assertEquals([short, String(long).length, String(other).length, none], [
      "s-1",
      64,
      64,
      undefined,
    ]);
    assertNotEquals(long, other);
  });

  test("says nothing of a conversation that has no name", async () => {
    const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]));

    await Array.fromAsync(backend.stream(question, callOf()));

    const { headers } = calls[0] ?? assertCall();
    assertEquals([...headers.keys()].toSorted(), ["authorization", "content-type"]);
  });

  test("proves itself with the credentials of the address rather than with a key", async () => {
    const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]), {
      address: () => ({ baseUrl: "https://me:p%40ss@model.test/v1?version=2", apiKey: "sk-other" }),
    });

    await all(backend);

    const { url, headers } = calls[0] ?? assertCall();
    assertEquals(url, "https://model.test/v1/chat/completions?version=2");
    assertEquals(headers.get("authorization"), `Basic ${btoa("me:p@ss")}`);
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

  test("never say that more of a prompt was reused than it has", async () => {
    const seen: Observation[] = [];

    await all(upstream(() => streamed([text("Hi", "stop"), usage(100, 1, 5000)])).backend, seen);

    assertEquals(seen, [{ promptTokens: 100, cachedTokens: 100 }]);
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

  test("may be asked again when it has answered before, because it may be starting anew", async () => {
    let isThere = true;
    const { backend } = upstream(() => isThere ? streamed([text("Hi", "stop")]) : unreachable());
    await all(backend);
    isThere = false;

    const error = await assertRejects(() => all(backend), ProxyError);

    assertEquals([error.type, error.final], ["overloaded_error", false]);
  });

  test("is asked once more when it closed the connection without an answer", async () => {
    const closing = (times: number) => {
      let left = times;
      return upstream(() => {
        if ((left -= 1) < 0) return streamed([text("Hi", "stop")]);
        throw Object.assign(new TypeError("closed"), { code: "ECONNRESET" });
      });
    };
    const [once, always] = [closing(1), closing(2)];

    const events = await all(once.backend);
    const error = await assertRejects(() => all(always.backend), ProxyError);

    assertEquals([events.at(-1)?.type, once.calls.length], ["message_stop", 2]);
    assertEquals([error.type, error.final, always.calls.length], ["overloaded_error", false, 2]);
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

  test("fails as it says when it answers 200 with an error", async () => {
    const body = JSON.stringify({ error: { message: "Slow down", code: 429 } });
    const headers = { "content-type": "application/json", "content-length": String(body.length) };
    const { backend } = upstream(() => new Response(body, { headers }));

    const error = await assertRejects(() => all(backend), ProxyError, "Slow down");

    assertEquals(error.type, "rate_limit_error");
  });

  test("never has our key repeated in its words", async () => {
    const { backend } = upstream(() =>
      Response.json({ error: { message: "Bad key upstream-key, sorry" } }, { status: 400 })
    );

    const { message } = await assertRejects(() => all(backend), ProxyError);

    assertEquals(message, "Bad key [our key], sorry");
  });

  const inStream = { error: { message: "Bad key upstream-key, sorry", code: 400 } };
  for (
    const [where, pieces] of [
      ["instead of an answer", [inStream]],
      ["within an answer", [text("Hi"), inStream]],
    ] as const
  ) {
    test(`never has our key repeated in what it streams ${where}`, async () => {
      const { backend } = upstream(() => streamed(pieces));

      const { message } = await assertRejects(() => all(backend), ProxyError);

      assertEquals(message, "Bad key [our key], sorry (400)");
    });
  }

  test("never has a password of its address repeated in its words", async () => {
    const address = () => ({ baseUrl: "http://me:pass-word@model.test", apiKey: undefined });
    const { backend } = upstream(
      ({ headers }) => Response.json({ error: headers.get("authorization") }, { status: 400 }),
      { address },
    );

    const { message } = await assertRejects(() => all(backend), ProxyError);

    assertEquals(message, "Basic [our key]");
  });

  test("is understood when our key is a word that it uses", async () => {
    const words = "This model's maximum context length is 4096 tokens. However, your request has " +
      "5000 input tokens.";
    const { backend } = upstream(
      () => Response.json({ error: { message: words } }, { status: 400 }),
      { address: () => ({ baseUrl: "http://model.test", apiKey: "token" }) },
    );

    await assertRejects(() => all(backend), ProxyError, "prompt is too long: 5000 tokens > 4096");
  });

  test("is named when it streams that it wants another key, or any", async () => {
    const refusing = () => streamed([{ error: { message: "No", code: 401 } }]);
    const baseUrl = "http://model.test";
    const given = upstream(refusing);
    const none = upstream(refusing, { address: () => ({ baseUrl, apiKey: undefined }) });

    await assertRejects(() => all(given.backend), ProxyError, `${baseUrl} refused our key (401)`);
    await assertRejects(() => all(none.backend), ProxyError, `${baseUrl} wants a key (401)`);
  });

  test("is heard only so far when its error has no end", async () => {
    const chunk = new TextEncoder().encode("x".repeat(1024 * 1024));
    let sent = 0;
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1;
        if (sent > 30) controller.error(new Error("More was read than is kept"));
        else controller.enqueue(chunk);
      },
    });
    const { backend } = upstream(() => new Response(endless, { status: 500 }));

    const { message, status } = await assertRejects(() => all(backend), ProxyError);

    assertEquals([message.length, status], [2000, 500]);
  });

  test("may break off its error: its status is left", async () => {
    const cut = new ReadableStream({
      pull: (controller) => controller.error(new TypeError("terminated")),
    });
    const { backend } = upstream(() => new Response(cut, { status: 503 }));

    const { message, type } = await assertRejects(() => all(backend), ProxyError);

    assertEquals([message, type], [
      "The model server at http://model.test failed without a reason (503)",
      "overloaded_error",
    ]);
  });

  const wrong = (...ids: readonly string[]) => (call: UpstreamCall) =>
    call.url.endsWith("/models")
      ? Response.json({ data: ids.map((id) => ({ id })) })
      : Response.json({ error: { message: "model not found" } }, { status: 404 });

  test("says what it has when it does not have the model", async () => {
    const { backend } = upstream(wrong("a", "b"));

    const error = await assertRejects(() => all(backend), ProxyError);

    assertEquals([error.status, error.final, error.message], [
      400,
      true,
      `The model server at http://model.test does not have "local-model": it has a, b`,
    ]);
  });

  test("is believed without its list of models when it does not give it", async () => {
    const clock = new FakeClock();
    const { backend } = upstream(
      (call) => call.url.endsWith("/models") ? never() : wrong()(call),
      { clock },
    );

    const failed = assertRejects(() => all(backend), ProxyError, "model not found");
    await clock.advance(5000);

    assertEquals((await failed).status, 404);
  });

  test("says some of what it has when it has much", async () => {
    const { backend } = upstream(wrong(..."abcdefghij"));

    await assertRejects(() => all(backend), ProxyError, "it has a, b, c, d, e, f, g, h and 2 more");
  });

  test("is believed when it has the model and says otherwise", async () => {
    const { backend } = upstream(wrong("a", "local-model"));

    await assertRejects(() => all(backend), ProxyError, "model not found");
  });

  test("does not send the client after a model when it answers 404 to everything", async () => {
    const { backend } = upstream(
      () => Response.json({ error: "Tool arguments are no JSON" }, { status: 404 }),
      { kind: "mlx-lm" },
    );

    const error = await assertRejects(() => all(backend), ProxyError, "Tool arguments are no JSON");

    assertEquals([error.status, error.final], [400, true]);
  });

  test("is refused when it does not send chunks", async () => {
    const { backend } = upstream(() => new Response("data: <html>\n\n"));

    await assertRejects(() => all(backend), ProxyError, "not a chat chunk");
  });
});

describe("a server that cuts prompts and says nothing", () => {
  const long = (words: number) => ({
    ...question,
    messages: [{ role: "user" as const, content: "word ".repeat(words) }],
  });
  const ask = async (words: number, reported: number, options: Partial<OpenAiOptions> = {}) => {
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
    const answer = () => streamed([text("Hi", "stop"), usage(reported, 1)]);
    const { calls, backend } = upstream(answer, {
      ...{ kind: "ollama" as const, contextLength: 4096, log },
      ...options,
    });
    const ended = await Array.fromAsync(stream(backend, [], long(words)))
      .then(() => "answered", (error: Error) => error.message);
    return { calls, warnings, ended, backend };
  };

  test("is not sent what is surely too long", async () => {
    const { calls, ended } = await ask(4097, 4096);

    assertEquals(ended, "prompt is too long: 4097 tokens > 4096 maximum");
    assertEquals(calls, []);
  });

  test("is sent what may fit", async () => {
    assertEquals((await ask(4096, 5000)).ended, "answered");
  });

  test("is sent everything as long as its window is not known", async () => {
    assertEquals((await ask(9000, 9000, { contextLength: undefined })).ended, "answered");
  });

  test("is not suspected to be what other servers are", async () => {
    const { ended, warnings } = await ask(9000, 1, { kind: "vllm" });

    assertEquals([ended, warnings], ["answered", []]);
  });

  test("is noted once when it has read less than there was", async () => {
    const { warnings, backend } = await ask(4000, 2048);

    await Array.fromAsync(stream(backend, [], long(4000)));

    assertEquals(warnings, ["model server read less of a prompt than it was sent"]);
  });

  test("is not noted when it has read everything", async () => {
    assertEquals((await ask(4000, 4000)).warnings, []);
  });
});

describe("counting", () => {
  test("is exact where the server can count", async () => {
    const { calls, backend } = upstream(() => Response.json({ count: 17, max_model_len: 8192 }));

    const count = await backend.countTokens(question, new AbortController().signal);

    assertEquals(count, { inputTokens: 17, exact: true });
    assertEquals(calls[0]?.url, "http://model.test/tokenize");
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
  return backend.stream(asked, callOf({ origin, observe }));
}

async function all(backend: Backend, seen?: Observation[]): Promise<MessageEvent[]> {
  seen?.splice(0);
  return await Array.fromAsync(stream(backend, seen));
}

function assertCall(): never {
  throw new Error("the server was not asked");
}
