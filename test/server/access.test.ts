import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { proxy, question, token } from "../support/proxy.ts";
import { streamed, text, upstream } from "../support/upstream.ts";

const local = { host: "127.0.0.1:4000" };
const key = { "x-api-key": token };

const requests: readonly [string, string, Record<string, string>, number][] = [
  ["GET", "/health", local, 200],
  ["HEAD", "/api/hello", local, 200],
  ["GET", "/v1/models", local, 401],
  ["GET", "/v1/models", { ...local, ...key }, 200],
  ["GET", "/v1/models?limit=1000", { ...local, authorization: `Bearer ${token}` }, 200],
  ["GET", "/v1/models", { ...local, authorization: `bearer ${token}` }, 200],
  ["GET", "/v1/models", { ...local, authorization: `Basic ${token}` }, 401],
  ["GET", "/v1/models", { ...local, "x-api-key": `${token}x` }, 401],
  ["GET", "/v1/models", { ...local, "x-api-key": "" }, 401],
  ["GET", "/v1/models", { ...local, "x-api-key": "other", authorization: `Bearer ${token}` }, 200],
  ["GET", "/stats", local, 401],
  ["GET", "/stats", { ...local, ...key }, 200],
  ["POST", "/v1/messages", local, 401],
  ["POST", "/v1/messages/count_tokens", local, 401],
  ["GET", "/v1/unknown", { ...local, ...key }, 404],
  ["GET", "/v1/messages", { ...local, ...key }, 404],
  ["GET", "/v1/models", { host: "localhost", ...key }, 200],
  ["GET", "/v1/models", { host: "[::1]:4000", ...key }, 200],
  ["GET", "/v1/models", { host: "evil.example", ...key }, 403],
  ["GET", "/v1/models", { host: "127.0.0.1.evil.example", ...key }, 403],
  ["GET", "/health", { host: "evil.example" }, 403],
  ["GET", "/health", {}, 403],
];

describe("access", () => {
  for (const [method, path, headers, status] of requests) {
    test(`${method} ${path} with ${JSON.stringify(headers)} is ${status}`, async () => {
      const { backend } = upstream(() => Response.json({ data: [] }));

      const response = await proxy(backend).send(path, { method, headers });

      assertEquals(response.status, status);
      if (status < 400) return;
      const { type, error } = await response.json();
      assertEquals([type, typeof error.type, typeof error.message], ["error", "string", "string"]);
    });
  }

  test("asks the backend nothing for a caller without the token", async () => {
    const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]));

    await proxy(backend).ask(question, { headers: local });

    assertEquals(calls, []);
  });
});

const bodies: readonly [string, BodyInit, number, string][] = [
  ["no JSON", "{", 400, "not valid JSON"],
  ["nothing", "", 400, "not valid JSON"],
  ["bytes that are no UTF-8", new Uint8Array([123, 255, 125]), 400, "not valid UTF-8"],
  ["very deep nesting", `${"[".repeat(10_000)}${"]".repeat(10_000)}`, 400, "levels deep"],
  ["33 MB", "x".repeat(33 * 1024 * 1024), 413, "larger than 32 MB"],
  ["a wrong type", JSON.stringify({ ...question, model: 1 }), 400, "model"],
];

describe("a body", () => {
  for (const [name, body, status, words] of bodies) {
    test(`of ${name} is refused with ${status}`, async () => {
      const { calls, backend } = upstream(() => streamed([]));

      const response = await proxy(backend).send("/v1/messages", {
        method: "POST",
        headers: { ...local, ...key },
        body,
      });

      const { error } = await response.json();
      assertEquals([response.status, error.message.includes(words)], [status, true]);
      assertEquals(calls, []);
    });
  }

  test("may hold brackets in its texts", async () => {
    const { backend } = upstream(() => streamed([text("Hi", "stop")]));
    const content = `\\"${"[{".repeat(1000)}`;

    const response = await proxy(backend).ask({
      ...question,
      messages: [{ role: "user", content }],
    });

    assertEquals(response.status, 200);
  });
});
