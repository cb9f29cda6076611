import { describe, test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProxyError } from "../../src/core/errors.ts";
import { parseMessagesRequest } from "../../src/protocol/request-schema.ts";
import { question } from "../support/proxy.ts";

describe("parseMessagesRequest", () => {
  test("lets unknown fields and blocks through", () => {
    const body = {
      ...question,
      messages: [
        {
          role: "user",
          content: [{ type: "hologram", depth: 3 }, { type: "text", text: "", citations: [] }],
          note: 1,
        },
        { role: "user", content: "twice in a row" },
        { role: "system", content: "late", output_config: { effort: "high" } },
      ],
      tools: [{ name: "web_search", type: "web_search_20250305", max_uses: 8 }],
      safeguards: [{}],
    };

    assertEquals(parseMessagesRequest(JSON.stringify(body)) as unknown, body);
  });

  test("refuses a thread with the code that makes the SDK send the whole conversation", () => {
    const body = { ...question, thread: { type: "create" } };

    const error = assertThrows(
      () => parseMessagesRequest(JSON.stringify(body)),
      ProxyError,
      "thread",
    );

    assertEquals(error.details, { error_code: "thread_unsupported_request" });
  });

  test("takes a request that wants no thread", () => {
    const body = { ...question, thread: false };

    assertEquals(parseMessagesRequest(JSON.stringify(body)) as unknown, body);
  });
});

describe("a request that repeats another one", () => {
  const parse = (messages: readonly object[]) =>
    parseMessagesRequest(JSON.stringify({ ...question, messages, tools: [{ name: "Read" }] }));

  test("gives the same objects for the same messages and tools", () => {
    const said = question.messages;

    const first = parse(said);
    const second = parse([...said, { role: "assistant", content: "Hi" }, ...said]);

    assertStrictEquals(second.messages[0], first.messages[0]);
    assertStrictEquals(second.messages[2], first.messages[0]);
    assertStrictEquals(second.tools?.[0], first.tools?.[0]);
  });

  test("is told its own place of what was wrong before too", () => {
    const wrong = { role: "bot", content: "" };

    for (const place of [0, 1]) {
      const messages = [...Array(place).fill(question.messages[0]), wrong];
      assertThrows(() => parse(messages), ProxyError, `messages.${place}.role: `);
    }
  });
});
