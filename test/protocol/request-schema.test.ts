import { describe, test } from "node:test";
import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ProxyError } from "../../src/core/errors.ts";
import { parseMessagesRequest } from "../../src/protocol/request-schema.ts";
import { question } from "../support/proxy.ts";

const message = (content: unknown) => ({ messages: [{ role: "user", content }] });

/** What is wrong, and what the client is told. */
const refusals: readonly [string, unknown, string][] = [
  ["a body that is a list", [], "body: Input should be an object"],
  ["a body that is null", null, "body: Input should be an object"],
  ["no model", { ...question, model: undefined }, "model: Field required"],
  ["an empty model", { ...question, model: "" }, "model"],
  ["a model that is a number", { ...question, model: 5 }, "model"],
  ["no messages", { ...question, messages: undefined }, "messages: Field required"],
  ["messages as text", { ...question, messages: "Hello" }, "messages"],
  ["an empty conversation", { ...question, messages: [] }, "messages: at least one"],
  [
    "an unknown role",
    { ...question, messages: [question.messages[0], { role: "bot", content: "" }] },
    "messages.1.role: Input should be 'user', 'assistant' or 'system'",
  ],
  [
    "a message without content",
    { ...question, messages: [{ role: "user" }] },
    "messages.0.content",
  ],
  ["content that is a number", { ...question, ...message(5) }, "messages.0.content"],
  ["a block without a type", { ...question, ...message([{ text: "" }]) }, "messages.0.content.0"],
  ["a block that is text", { ...question, ...message(["Hello"]) }, "messages.0.content.0"],
  [
    "text without text",
    { ...question, ...message([{ type: "text" }]) },
    "messages.0.content.0.text",
  ],
  ["a result of nothing", { ...question, ...message([{ type: "tool_result" }]) }, "tool_use_id"],
  ["a call without a name", { ...question, ...message([{ type: "tool_use", id: "a" }]) }, "name"],
  ["an image without a source", { ...question, ...message([{ type: "image" }]) }, "source"],
  ["max_tokens of zero", { ...question, max_tokens: 0 }, "max_tokens"],
  ["max_tokens as text", { ...question, max_tokens: "many" }, "max_tokens"],
  ["half a token", { ...question, max_tokens: 1.5 }, "max_tokens"],
  ["a system that is a number", { ...question, system: 5 }, "system"],
  ["a tool without a name", { ...question, tools: [{}] }, "tools.0.name: Field required"],
  ["tools that are no list", { ...question, tools: {} }, "tools"],
  ["an unknown tool choice", { ...question, tool_choice: { type: "some" } }, "tool_choice.type"],
  ["stream as text", { ...question, stream: "yes" }, "stream"],
  ["a temperature as text", { ...question, temperature: "hot" }, "temperature"],
  ["stop sequences as text", { ...question, stop_sequences: "x" }, "stop_sequences"],
];

describe("parseMessagesRequest", () => {
  for (const [name, body, expected] of refusals) {
    test(`refuses ${name}`, () => {
      const error = assertThrows(
        () => parseMessagesRequest(JSON.stringify(body)),
        ProxyError,
        expected,
      );

      assertEquals([error.type, error.status], ["invalid_request_error", 400]);
    });
  }

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
