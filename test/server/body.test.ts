import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { proxy, question, token } from "../support/proxy.ts";
import { cut } from "../support/cut.ts";
import { bytes, streamed, text, upstream } from "../support/upstream.ts";

describe("a body", () => {
  test("means the same wherever the network cuts it", async () => {
    const content = "\ufeff世界 🦊 \ufeff\u2028 \\ud83d";
    const json = JSON.stringify({ ...question, messages: [{ role: "user", content }] });
    const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]));

    const whole = new TextEncoder().encode(json);
    const sizes = [[1], [2], [3], [7], [1000], [whole.indexOf(0xef), 1000]];

    for (const each of sizes) {
      const { body } = bytes(cut(whole, each));
      await proxy(backend).send("/v1/messages", {
        ...{ method: "POST", body, duplex: "half" },
        headers: { host: "127.0.0.1", "x-api-key": token },
      });
    }

    assertEquals(
      calls.map(({ body }) => body["messages"]),
      sizes.map(() => [{ role: "user", content }]),
    );
  });

  test("that breaks off is no fault of ours", async () => {
    const { calls, backend } = upstream(() => streamed([text("Hi", "stop")]));
    const body = new ReadableStream({
      pull(controller) {
        controller.error(new Error("connection reset"));
      },
    });

    const response = await proxy(backend).send("/v1/messages", {
      ...{ method: "POST", body, duplex: "half" },
      headers: { host: "127.0.0.1", "x-api-key": token },
    });

    assertEquals([response.status, calls], [400, []]);
    assertEquals((await response.json()).error.message, "body: broke off before its end");
  });
});
