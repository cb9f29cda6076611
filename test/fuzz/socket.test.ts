import { Buffer } from "node:buffer";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { serve } from "#serve";
import { proxy, question, token } from "../support/proxy.ts";
import { streamed, text, upstream } from "../support/upstream.ts";
import { patience, runs } from "./runs.ts";

const known = `Host: 127.0.0.1\r\nx-api-key: ${token}\r\n`;
const json = JSON.stringify({ ...question, stream: true });
const post = (headers: string, body: string) =>
  `POST /v1/messages HTTP/1.1\r\n${known}${headers}\r\n\r\n${body}`;
const chunked = (...chunks: readonly string[]) =>
  chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");

/** Requests that are right, and some that no client would send. */
const requests = [
  `GET /health HTTP/1.1\r\n${known}\r\n`,
  `GET /health HTTP/1.0\r\n\r\n`,
  `HEAD /api/hello HTTP/1.1\r\n${known}\r\n`,
  post(`Content-Length: ${json.length}`, json),
  post("Transfer-Encoding: chunked", chunked(json.slice(0, 9), json.slice(9), "")),
  post(`Expect: 100-continue\r\nContent-Length: ${json.length}`, json),
  post(`Content-Length: ${json.length + 10}`, json),
  post(`Content-Length: -1`, json),
  post(`Content-Length: 99999999999999999999`, json),
  post(`Content-Length: 3\r\nContent-Length: 4`, json),
  post(`Content-Length: ${json.length}\r\nTransfer-Encoding: chunked`, chunked(json, "")),
  post("Transfer-Encoding: chunked", `zz\r\n${json}\r\n0\r\n\r\n`),
  post("Transfer-Encoding: chunked", `ffffffffffffffff\r\n${json}`),
  post("Content-Encoding: gzip\r\nTransfer-Encoding: chunked", chunked(json, "")),
  `GET http://evil.example/health HTTP/1.1\r\n${known}\r\n`,
  `GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n`,
  `GET /health HTTP/1.1\r\n${known}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
  `GET /health HTTP/1.1\r\n${known}x: ${"a".repeat(100_000)}\r\n\r\n`,
  `GET /health HTTP/1.1\r\n${known}${"x: a\r\n".repeat(2000)}\r\n`,
  `GET /health HTTP/1.1\r\n${known}no colon\r\nx: \0\r\n folded\r\n\r\n`,
  `GET /${"a".repeat(100_000)} HTTP/1.1\r\n${known}\r\n`,
  `CONNECT evil.example:443 HTTP/1.1\r\n${known}\r\n`,
  `OPTIONS * HTTP/1.1\r\n${known}\r\n`,
  "GET /health\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
  "\r\n\r\n\r\n",
];

/** What one connection sends, and how it is left. */
const connections = fc.record({
  sent: fc.array(fc.constantFrom(...requests), { minLength: 1, maxLength: 4 }),
  kept: fc.option(fc.nat({ max: 2000 }), { nil: Infinity }),
  flips: fc.array(fc.tuple(fc.nat({ max: 1000 }), fc.nat({ max: 255 })), { maxLength: 3 }),
  size: fc.integer({ min: 1, max: 5000 }),
  leaving: fc.constantFrom("end" as const, "end" as const, "destroy" as const),
});

describe("a server on a port", () => {
  test("outlives whatever connections send, and fails at none", patience, async () => {
    const { backend } = upstream(() => streamed([text("Hi", "stop")]));
    await using server = await serve({ port: 0, fetch: proxy(backend).fetch });
    const port = Number(new URL(server.url).port);

    await fc.assert(
      fc.asyncProperty(connections, async ({ sent, kept, flips, size, leaving }) => {
        const bytes = Buffer.from(sent.join("").slice(0, kept), "latin1");
        for (const [at, byte] of flips) bytes[at % bytes.length] = byte;

        const answer = await exchange(port, bytes, size, leaving);

        assert(!/^HTTP\/1\.\d 500/m.test(answer), answer);
        const health = await fetch(`${server.url}/health`);
        assertEquals([health.status, (await health.json()).status], [200, "ok"]);
      }),
      runs(150),
    );
  });

  test("says what is too large before it is sent", async () => {
    const { backend } = upstream(() => streamed([text("Hi", "stop")]));
    await using server = await serve({ port: 0, fetch: proxy(backend).fetch });
    const request = Buffer.from(post("Content-Length: 200000000", ""));

    const port = Number(new URL(server.url).port);
    const answer = await exchange(port, request, 1000, "when told", "request_too_large");

    assertStringIncludes(answer, "HTTP/1.1 413");
    assertStringIncludes(answer, `"type":"request_too_large"`);
  });
});

/**
 * All that comes back until the connection is closed; the server has to close what we ended. We
 * may also leave as soon as certain words have come.
 */
function exchange(
  port: number,
  bytes: Buffer,
  size: number,
  leaving: "end" | "destroy" | "when told",
  words = "",
): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => {
      for (let at = 0; at < bytes.length; at += size) socket.write(bytes.subarray(at, at + size));
      if (leaving === "end") socket.end();
      else if (leaving === "destroy") socket.destroy();
    });
    socket.setTimeout(30_000, () => reject(new Error(`The server hangs on ${bytes}`)));
    socket.on("data", (data) => {
      answer += data.toString("latin1");
      if (leaving === "when told" && answer.includes(words)) socket.destroy();
    });
    socket.on("error", () => {}); // a server may reset what it has refused
    socket.on("close", () => resolve(answer));
  });
}
