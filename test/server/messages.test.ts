import { describe, test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { silentLog } from "../../src/core/log.ts";
import { settled } from "../support/fake-clock.ts";
import { illegalities } from "../support/legal-stream.ts";
import { proxy, question, token } from "../support/proxy.ts";
import { requestRecord } from "../support/request-record.ts";
import { never, streamed, text, upstream, type UpstreamCall, usage } from "../support/upstream.ts";

const streaming = { ...question, stream: true };
const usual = { host: "127.0.0.1", "x-api-key": token };

describe("POST /v1/messages", () => {
  test("streams a legal answer that nothing on the way may buffer", async () => {
    const { backend } = upstream(() => streamed([text("Hi", "stop"), usage(9, 1)]));

    const response = await proxy(backend).ask(streaming);

    assertEquals(response.status, 200);
    assertStringIncludes(response.headers.get("content-type") ?? "", "text/event-stream");
    assertEquals(response.headers.get("cache-control"), "no-cache");
    assertEquals(illegalities(await response.text()), []);
  });

  test("answers as one message when the client wants no stream", async () => {
    const call = { index: 0, id: "c", function: { name: "Read", arguments: `{"path"` } };
    const rest = { index: 0, function: { arguments: `:"a"}` } };
    const { calls, backend } = upstream(() =>
      streamed([
        { choices: [{ delta: { reasoning_content: "Hm" } }] },
        text("Looking"),
        { choices: [{ delta: { tool_calls: [call] } }] },
        { choices: [{ delta: { tool_calls: [rest] }, finish_reason: "tool_calls" }] },
        usage(30, 4, 10),
      ])
    );

    const response = await proxy(backend).ask(question);

    assertEquals(await response.json(), {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "local-model",
      content: [
        { type: "thinking", thinking: "Hm", signature: "anyclaude" },
        { type: "text", text: "Looking" },
        { type: "tool_use", id: "toolu_2", name: "Read", input: { path: "a" } },
      ],
      stop_reason: "tool_use",
      stop_sequence: null,
      usage: {
        input_tokens: 20,
        cache_read_input_tokens: 10,
        cache_creation_input_tokens: 0,
        output_tokens: 4,
      },
    });
    assertEquals(calls[0]?.body["stream"], true);
  });

  test("fails with a status as long as nothing was said", async () => {
    const { backend } = upstream(() =>
      Response.json({ error: { message: "Slow down" } }, {
        status: 429,
        headers: { "retry-after": "7" },
      })
    );

    const response = await proxy(backend).ask(streaming);

    assertEquals([response.status, response.headers.get("retry-after")], [429, "7"]);
    assertEquals(await response.json(), {
      type: "error",
      error: { type: "rate_limit_error", message: "Slow down" },
      request_id: "req_1",
    });
  });

  for (const status of [401, 403]) {
    test(`shows an upstream's ${status} at once, and not as 401`, async () => {
      const { backend } = upstream(() => new Response("no", { status }));

      const response = await proxy(backend).ask(streaming);

      assertEquals([response.status, response.headers.get("x-should-retry")], [403, "false"]);
      assertStringIncludes(await response.text(), "OPENAI_API_KEY");
    });
  }

  test("fails with an event once something was said", async () => {
    const { backend } = upstream(() => streamed([text("Hi")], { done: false }));

    const response = await proxy(backend).ask(streaming);

    const body = await response.text();
    assertEquals([response.status, illegalities(body)], [200, []]);
    assert(body.trimEnd().endsWith(`answer ended"}}`), body);
  });

  const asking = [
    ["a stream", "", streaming],
    ["a message", "", question],
    ["a count", "/count_tokens", question],
  ] as const;
  for (const [what, path, body] of asking) {
    test(`is no bug when the client leaves before its answer (${what})`, async () => {
      const warnings: string[] = [];
      const log = { ...silentLog, warn: (message: string) => void warnings.push(message) };
      const { backend } = upstream(never);
      const leaving = new AbortController();
      const { signal } = leaving;

      const asked = proxy(backend, { log })
        .send(`/v1/messages${path}`, { method: "POST", body: JSON.stringify(body), signal });
      await settled();
      leaving.abort();
      await asked;

      assertEquals(warnings, []);
    });
  }

  test("answers a conversation of 8,000 messages", async () => {
    const { backend, calls } = upstream(() => streamed([text("Hi", "stop")]));
    const messages = Array.from({ length: 8000 }, (_, index) => ({
      role: index % 2 === 0 ? "user" : "assistant",
      content: `message ${index}`,
    }));

    const response = await proxy(backend).ask({ ...question, messages });

    assertEquals([response.status, calls.length], [200, 1]);
  });

  test("keeps two answers at once apart", async () => {
    const { backend } = upstream(({ body }) => {
      const [{ content }] = body["messages"] as [{ content: string }];
      return streamed([text(content), text(" again", "stop")]);
    });
    const server = proxy(backend);

    const answers = await Promise.all(["one", "two"].map(async (content) => {
      const response = await server.ask({ ...question, messages: [{ role: "user", content }] });
      return (await response.json()).content[0].text;
    }));

    assertEquals(answers, ["one again", "two again"]);
    assertEquals(server.records.length, 2);
  });
});

describe("the record of a request", () => {
  test("says who asked and what it took", async () => {
    const { backend } = upstream(() => streamed([text("Hi", "stop"), usage(30, 4, 10)]));
    const server = proxy(backend);

    await (await server.ask(streaming, {
      headers: {
        ...usual,
        "x-claude-code-session-id": "s-1",
        "x-claude-code-agent-id": "a-1",
        "x-claude-code-request-class": "subagent",
      },
    })).text();

    assertEquals(server.records, [
      requestRecord({
        mode: "openai",
        model: "local-model",
        session: "s-1",
        agent: "a-1",
        requestClass: "subagent",
        promptTokens: 30,
        prefixTokensReused: 10,
        prefixTokensCreated: 20,
        outputTokens: 4,
        timeToFirstTokenMs: 0,
        durationMs: 0,
      }),
    ]);
  });

  test("leaves unknown what the backend does not report", async () => {
    const { backend } = upstream(() => streamed([text("Hi", "stop")]));
    const server = proxy(backend);

    await server.ask(question);

    const [{ promptTokens, prefixTokensReused, outputTokens } = { promptTokens: 0 }] = server
      .records as { promptTokens?: number; prefixTokensReused?: number; outputTokens?: number }[];
    assertEquals([promptTokens, prefixTokensReused, outputTokens], [
      undefined,
      undefined,
      undefined,
    ]);
  });

  for (const stream of [true, false]) {
    test(`says that it failed, and how (stream: ${stream})`, async () => {
      const { backend } = upstream(() => new Response("{}", { status: 503 }));
      const server = proxy(backend);

      await server.ask({ ...question, stream });

      assertEquals(server.records.map(({ outcome, status }) => [outcome, status]), [[
        "failed",
        529,
      ]]);
    });
  }
});

/** Where the upstream stands when the client leaves. */
const phases: readonly [string, (call: UpstreamCall) => Response | Promise<Response>, boolean][] = [
  ["before the upstream's headers", never, false],
  ["before the first token", (held) => streamed([], { held }), false],
  ["in the middle of a whole answer", (held) => streamed([text("Hi")], { held }), false],
  ["in the middle of a stream", (held) => streamed([text("Hi")], { held }), true],
];

describe("a client that leaves", () => {
  for (const [phase, answer, stream] of phases) {
    test(`${phase} stops the upstream`, async () => {
      const { calls, backend } = upstream(answer);
      const server = proxy(backend);
      const client = new AbortController();

      const asked = server.ask({ ...question, stream }, {
        headers: usual,
        signal: client.signal,
      }).catch(() => undefined);
      await settled();
      if (stream) {
        const reader = (await asked)?.body?.getReader();
        await reader?.read();
        await reader?.cancel();
      } else client.abort();
      await settled();

      assertEquals(calls.map(({ signal }) => signal.aborted), [true]);
      assertEquals(server.records.map(({ outcome }) => outcome), ["cancelled"]);
    });
  }

  test("before it read anything of a stream stops the upstream too", async () => {
    const { calls, backend } = upstream((held) => streamed([text("Hi")], { held }));
    const server = proxy(backend);

    const response = await server.ask({ ...question, stream: true });
    await response.body?.cancel();
    await settled();

    assertEquals(calls.map(({ signal }) => signal.aborted), [true]);
    assertEquals(server.records.map(({ outcome }) => outcome), ["cancelled"]);
  });
});

describe("the other routes", () => {
  test("count exactly and say so", async () => {
    const { backend } = upstream(() => Response.json({ count: 17 }));

    const response = await proxy(backend).send("/v1/messages/count_tokens?beta=true", {
      method: "POST",
      headers: usual,
      body: JSON.stringify({ model: "m", messages: question.messages }),
    });

    assertEquals(await response.json(), { input_tokens: 17 });
    assertEquals(response.headers.get("x-anyclaude-count"), "exact");
  });

  test("estimate where nobody can count and say so", async () => {
    const { backend } = upstream(() => new Response("no", { status: 404 }));

    const response = await proxy(backend).send("/v1/messages/count_tokens", {
      method: "POST",
      headers: usual,
      body: JSON.stringify(question),
    });

    assertEquals(response.headers.get("x-anyclaude-count"), "estimate");
  });
});
