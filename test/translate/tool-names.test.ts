import { describe, test } from "node:test";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import type { MessageEvent } from "../../src/protocol/anthropic.ts";
import { toChatName, withClientNames } from "../../src/translate/tool-names.ts";
import { assistant, call, result, text, translated, user } from "../support/conversation.ts";
import { question } from "../support/proxy.ts";
import { told } from "../support/told.ts";
import { translateChunks } from "../support/translate.ts";
import { called, end } from "../support/upstream.ts";

const odd = "mcp.files/öffnen";

describe("a tool's name", () => {
  test("stays as it is where OpenAI takes it", () => {
    assertEquals(toChatName("mcp__files-2__Read"), "mcp__files-2__Read");
  });

  test("is made of what can be taken of it and of a hash of all of it", () => {
    assertEquals(["files.read", "files/read"].map(toChatName), [
      "files_read_601e4eb6",
      "files_read_2b733164",
    ]);
  });

  test("is always one that OpenAI takes, and another one for each", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), fc.string(), (one, two) => {
      fc.pre(one !== two);
      for (const name of [one, two, `${one}${"x".repeat(64)}`]) {
        assert(/^[a-zA-Z0-9_-]{1,64}$/.test(toChatName(name)), name);
      }
      assertNotEquals(toChatName(one), toChatName(two));
    }));
  });

  test("is the same in tools, choice and history, and what can be called", () => {
    const { tools, tool_choice, messages } = translated({
      tools: [{ name: odd }],
      tool_choice: { type: "tool", name: odd },
      messages: [
        user(text("Go")),
        assistant(call("a", odd)),
        user(result("a", [{ type: "tool_reference", tool_name: odd }])),
      ],
    });

    const alias = toChatName(odd);
    const answer = messages.find(({ role }) => role === "assistant");
    assertEquals(tools?.[0]?.function.name, alias);
    assertEquals(tool_choice, { type: "function", function: { name: alias } });
    assertEquals(
      answer?.role === "assistant" && answer.tool_calls?.[0]?.function.name,
      alias,
    );
    assertEquals(messages.at(-1)?.content, `${alias} can be called now.`);
  });

  test("is the client's again in the answer", async () => {
    const chunks = [called(0, "c", toChatName(odd), "{}"), end("tool_calls")];
    const request = { ...question, tools: [{ name: odd }, { name: "Read" }] };

    const sse = await translateChunks(chunks, { request });

    assertEquals(told(sse).blocks, [{ name: odd, input: {} }]);
  });

  test("costs an answer nothing where no tool has another", () => {
    const events: AsyncIterable<MessageEvent> = (async function* () {})();

    assertEquals(withClientNames(events, [{ name: "Read" }]) === events, true);
  });
});
