import { describe, test } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { assertEquals } from "@std/assert";
import { identifyBody } from "../../src/cache/key.ts";
import { createApp } from "../../src/server/app.ts";
import { toMetrics } from "../../src/monitor/metrics.ts";
import { builtInPrices } from "../../src/monitor/prices.ts";
import type { PassthroughOptions } from "../../src/server/passthrough.ts";
import type { RequestRecord } from "../../src/monitor/record.ts";
import { bytes as chunked } from "../support/upstream.ts";
import { FakeClock } from "../support/fake-clock.ts";

type Sent = Parameters<PassthroughOptions["forward"]>[1] & { readonly url: string };

const body = `{"model":"claude",  "messages":[]}\n`;

const host = { host: "127.0.0.1:4000" };

describe("claude mode", () => {
  test("forwards method, path, query, credentials and the very bytes", async () => {
    const { sent, send } = anthropic(() => new Response("ok"));

    await send("/v1/messages?beta=true&x=%20a", {
      method: "POST",
      body,
      headers: {
        host: "127.0.0.1",
        "x-api-key": "user-key",
        "anthropic-beta": "a,b",
        "accept-encoding": "gzip",
        "connection": "keep-alive",
      },
    });

    const [{ url, method, body: bytes, headers } = fail()] = sent;
    assertEquals([url, method], ["https://upstream.test/v1/messages?beta=true&x=%20a", "POST"]);
    assertEquals(new TextDecoder().decode(bytes), body);
    const forwarded = new Headers(headers);
    assertEquals(
      ["x-api-key", "anthropic-beta", "accept-encoding", "host", "connection"]
        .map((name) => forwarded.get(name)),
      ["user-key", "a,b", "gzip", null, null],
    );
  });

  test("hands back status, headers and bytes as they are", async () => {
    const error = `{"type":"error",\n "error":{"type":"overloaded_error","message":"x"}}`;
    const { send } = anthropic(() =>
      new Response(error, { status: 529, headers: { "retry-after": "3", "request-id": "req_1" } })
    );

    const response = await send("/v1/messages");

    assertEquals([response.status, await response.text()], [529, error]);
    assertEquals(
      [response.headers.get("retry-after"), response.headers.get("request-id")],
      ["3", "req_1"],
    );
  });

  test("forwards every path but its own health and statistics", async () => {
    const { sent, send } = anthropic(() => new Response("ok"));

    const health = await (await send("/health")).json();
    await send("/api/anything");
    const stranger = await send("/stats");
    const stats = await send("/stats", { headers: { ...host, "x-api-key": "secret-token" } });

    assertEquals([stranger.status, (await stats.json()).totalRequests], [401, 0]);
    assertEquals(health, { status: "ok", version: "0.0.0" });
    assertEquals(sent.map(({ url }) => url), ["https://upstream.test/api/anything"]);
  });

  test("stops the upstream when the client leaves", async () => {
    const { sent, send } = anthropic(() => new Response(new ReadableStream()));
    const client = new AbortController();

    await send("/v1/messages", { headers: { host: "127.0.0.1" }, signal: client.signal });
    client.abort();

    assertEquals(sent[0]?.signal?.aborted, true);
  });

  test("refuses a host name that is not loopback", async () => {
    const { sent, send } = anthropic(() => new Response("ok"));

    const response = await send("/v1/models", { headers: { host: "evil.example" } });

    assertEquals([response.status, sent.length], [403, 0]);
  });

  const usage = {
    input_tokens: 3,
    cache_read_input_tokens: 100,
    cache_creation_input_tokens: 50,
    cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 30 },
    output_tokens: 1,
  };
  const events = [
    { type: "message_start", message: { model: "claude-haiku-4-5-20251001", usage } },
    { type: "content_block_start", index: 0 },
    { type: "message_delta", delta: {}, usage: { output_tokens: 7 } },
    { type: "message_stop" },
  ];
  const sse = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  const stream = { "content-type": "text/event-stream; charset=utf-8" };
  const asking = { method: "POST", body: `{"model":"claude-asked"}`, headers: host };

  const encodings: readonly [string, (text: string) => Uint8Array<ArrayBuffer>][] = [
    ["identity", (text) => new TextEncoder().encode(text)],
    ["gzip", (text) => new Uint8Array(gzipSync(text))],
    ["br", (text) => new Uint8Array(brotliCompressSync(text))],
  ];
  for (const [encoding, encode] of encodings) {
    test(`reads usage from a copy of a stream in ${encoding}, wherever it is cut`, async () => {
      const bytes = encode(sse.join(""));
      const pieces = Array.from(bytes, (byte) => new Uint8Array([byte]));
      const headers = { ...stream, "content-encoding": encoding };
      const { send, records } = anthropic(() => new Response(chunked(pieces).body, { headers }));

      const response = await send("/v1/messages?beta=true", asking);

      assertEquals(new Uint8Array(await response.arrayBuffer()), bytes);
      const [record] = await recorded(records);
      assertEquals(
        [record?.outcome, record?.model, record?.promptTokens, record?.prefixTokensReused],
        ["answered", "claude-haiku-4-5-20251001", 153, 100],
      );
      assertEquals([record?.prefixTokensCreated, record?.outputTokens], [50, 7]);
      // 1 $/M for input, 0.10 for reads, 1.25 and 2 for writes.
      assertEquals(record?.promptCost, { withoutCache: 0.000153, withCache: 0.000098 });
    });
  }

  test("reads usage from a whole answer", async () => {
    const message = { type: "message", model: "claude-new", usage };
    const { send, records } = anthropic(() => Response.json(message));

    await (await send("/v1/messages", asking)).text();

    const [record] = await recorded(records);
    assertEquals([record?.promptTokens, record?.promptCost], [153, undefined]);
  });

  const endings: readonly [string, () => Response, Partial<RequestRecord>][] = [
    [
      "an error",
      () => new Response("{}", { status: 529 }),
      { outcome: "failed", status: 529, model: "claude-asked", promptTokens: undefined },
    ],
    [
      "a stream that breaks off",
      () => new Response(sse.slice(0, 2).join(""), { headers: stream }),
      { outcome: "failed", status: undefined, promptTokens: 153 },
    ],
    [
      "an answer that is no answer",
      () => new Response("event: message_start\ndata: {broken\n\n", { headers: stream }),
      { outcome: "failed", promptTokens: undefined },
    ],
  ];
  for (const [what, answer, expected] of endings) {
    test(`counts ${what} for what it is, and passes it on`, async () => {
      const { send, records } = anthropic(answer);

      assertEquals(await (await send("/v1/messages", asking)).text(), await answer().text());

      const [record] = await recorded(records);
      assertEquals({ ...record, ...expected }, record);
    });
  }

  test("names what was asked for by hashes, which say what has changed", async () => {
    const asks = [
      { system: "Be brief", messages: [{ role: "user", content: "hi" }] },
      { system: "Be brief", messages: [{ role: "user", content: "thanks" }] },
      { system: "Be kind", messages: [{ role: "user", content: "hi" }] },
      { messages: "none" },
    ];
    const { send, records } = anthropic(() => new Response("{}", { status: 529 }));

    for (const ask of asks) {
      const body = JSON.stringify({ model: "m", max_tokens: 1, ...ask });
      await (await send("/v1/messages", { method: "POST", body, headers: host })).text();
    }
    while (records.length < asks.length) await new Promise((resolve) => setImmediate(resolve));

    const [one, two, three, four] = records;
    assertEquals([one?.system, one?.tools], [two?.system, three?.tools]);
    assertEquals(new Set(records.map(({ question }) => question)).size, 4);
    assertEquals(one?.system === three?.system, false);
    assertEquals([four?.question, four?.system], [undefined, undefined]);
  });

  test("counts a client that left as cancelled, once", async () => {
    const { send, records } = anthropic(() =>
      new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(1)) }))
    );

    const reader = (await send("/v1/messages", asking)).body!.getReader();
    await reader.read();
    await reader.cancel();

    assertEquals((await recorded(records)).map(({ outcome }) => outcome), ["cancelled"]);
  });

  test("says so when Anthropic cannot be reached", async () => {
    const { send } = anthropic(() => {
      throw new TypeError("fetch failed");
    });

    const response = await send("/v1/models");

    assertEquals([response.status, (await response.json()).error.type], [500, "api_error"]);
  });
});

function anthropic(answer: () => Response) {
  const sent: Sent[] = [];
  const records: RequestRecord[] = [];
  const app = createApp({
    version: "0.0.0",
    token: "secret-token",
    metrics: () => toMetrics(records, undefined),
    service: {
      kind: "passthrough",
      baseUrl: "https://upstream.test/",
      forward: async (url, init) => {
        sent.push({ ...init, url });
        return answer();
      },
      clock: new FakeClock(),
      identify: identifyBody,
      prices: builtInPrices,
      onRecord: (record) => void records.push(record),
    },
  });
  const send = async (path: string, init: RequestInit = {}) => {
    const headers = { host: "127.0.0.1:4000" };
    return await app.fetch(new Request(`http://127.0.0.1:4000${path}`, { headers, ...init }));
  };
  return { sent, send, records };
}

/** The records, once the copy has been read to its end. */
async function recorded(records: readonly RequestRecord[]): Promise<readonly RequestRecord[]> {
  while (records.length === 0) await new Promise((resolve) => setImmediate(resolve));
  return records;
}

function fail(): never {
  throw new Error("nothing was sent upstream");
}
