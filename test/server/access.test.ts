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
