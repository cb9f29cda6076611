import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { createApp } from "../../src/server/app.ts";
import type { PassthroughInit } from "../../src/server/passthrough.ts";

interface Sent extends PassthroughInit {
  readonly url: string;
  readonly bytes: Uint8Array;
}

const body = `{"model":"claude",  "messages":[]}\n`;

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

    const [{ url, method, bytes, headers } = fail()] = sent;
    assertEquals([url, method], ["https://upstream.test/v1/messages?beta=true&x=%20a", "POST"]);
    assertEquals(new TextDecoder().decode(bytes), body);
    const forwarded = new Headers(headers);
    assertEquals(
      ["x-api-key", "anthropic-beta", "accept-encoding", "host", "connection"]
        .map((name) => forwarded.get(name)),
      ["user-key", "a,b", "identity", null, null],
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

  test("forwards every path but its own health", async () => {
    const { sent, send } = anthropic(() => new Response("ok"));

    const health = await (await send("/health")).json();
    await send("/api/anything");

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

  test("does not follow a redirect with the user's key", async () => {
    const { sent, send } = anthropic(() => new Response(null, { status: 302 }));

    const response = await send("/v1/models");

    assertEquals([response.status, sent[0]?.redirect], [302, "manual"]);
  });

  test("refuses a host name that is not loopback", async () => {
    const { sent, send } = anthropic(() => new Response("ok"));

    const response = await send("/v1/models", { headers: { host: "evil.example" } });

    assertEquals([response.status, sent.length], [403, 0]);
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
  const app = createApp({
    version: "0.0.0",
    service: {
      kind: "passthrough",
      baseUrl: "https://upstream.test/",
      fetch: async (url, init) => {
        const bytes = new Uint8Array(await new Response(init.body ?? null).arrayBuffer());
        sent.push({ ...init, url, bytes });
        return answer();
      },
    },
  });
  const send = async (path: string, init: RequestInit = {}) => {
    const headers = { host: "127.0.0.1:4000" };
    return await app.fetch(new Request(`http://127.0.0.1:4000${path}`, { headers, ...init }));
  };
  return { sent, send };
}

function fail(): never {
  throw new Error("nothing was sent upstream");
}
