import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import type { MessagesRequest } from "../../src/protocol/anthropic.ts";
import { normalise } from "../../src/translate/normalise.ts";
import { question } from "../support/proxy.ts";

const billing = "x-anthropic-billing-header: cc_version=2.1.330.abc; cc_entrypoint=cli;";

describe("normalise", () => {
  test("makes one form of two requests that ask the same", () => {
    const plain = request({
      system: [text("Be brief")],
      messages: [user("Hello"), { role: "assistant", content: "Hi" }, user("Bye")],
      tools: [{ name: "Bash" }, { name: "Read" }],
    });
    const marked = request({
      system: [text(billing), { ...text("Be brief"), ...breakpoint }],
      messages: [
        user([text("Hello")]),
        { role: "assistant", content: [text("Hi")] },
        user([{ ...text("Bye"), ...breakpoint }]),
      ],
      tools: [{ name: "Read", ...breakpoint }, { name: "Bash" }, {
        name: "DeferredToolPlaceholder",
        defer_loading: true,
      }],
      metadata: { user_id: "1" },
      safeguards: [{}],
      context_management: {},
    });

    assertEquals(normalise(marked), normalise(plain));
  });

  test("keeps every character of the text", () => {
    const odd = " \r\n\tx-anthropic-billing-header: not at the start \u0000\n\n";

    const { system, messages } = normalise(
      request({ system: odd, messages: [user(odd), user([text(odd)])] }),
    );

    assertEquals(system, [text(odd)]);
    assertEquals(messages.map(({ content }) => content), [[text(odd)], [text(odd)]]);
  });

  test("hoists a system message that stands before the first answer", () => {
    const { system, messages } = normalise(request({
      system: "One",
      messages: [user("Hello"), { role: "system", content: "Two" }],
    }));

    assertEquals(system, [text("One"), text("Two")]);
    assertEquals(messages, [{ role: "user", content: [text("Hello")] }]);
  });

  test("leaves a later system message in its place", () => {
    const { system, messages } = normalise(request({
      messages: [
        user("Hello"),
        { role: "assistant", content: "Hi" },
        { role: "system", content: [text("Later")] },
      ],
    }));

    assertEquals(system, []);
    assertEquals(messages.at(-1), {
      role: "user",
      content: [text("<system-reminder>\nLater\n</system-reminder>")],
    });
  });

  test("puts parallel results in the order of their calls, before the user's text", () => {
    const { messages } = normalise(request({
      messages: [
        user("Go"),
        { role: "assistant", content: [call("a"), call("b")] },
        user([text("Well?"), result("b"), result("a")]),
      ],
    }));

    const order = messages.at(-1)?.content.map((block) =>
      block.type === "tool_result" ? block.tool_use_id : block.type
    );
    assertEquals(order, ["a", "b", "text"]);
  });

  test("shows deferred tools only once referred to, last and in that order", () => {
    const tools = [
      { name: "Apple", defer_loading: true },
      { name: "Zebra" },
      { name: "Berry", defer_loading: true },
      { name: "Cherry", defer_loading: true },
      { name: "Mango" },
    ];
    const loads = (...names: string[]) =>
      user([{
        type: "tool_result" as const,
        tool_use_id: "s",
        content: names.map((tool_name) => ({ type: "tool_reference" as const, tool_name })),
      }]);

    const before = normalise(request({ tools }));
    const after = normalise(request({
      tools,
      messages: [user("Go"), loads("Cherry"), loads("Apple", "Cherry", "Unknown")],
    }));

    assertEquals(before.tools.map(({ name }) => name), ["Mango", "Zebra"]);
    assertEquals(after.tools.map(({ name }) => name), ["Mango", "Zebra", "Cherry", "Apple"]);
  });

  test("drops how thinking is displayed, not that it is wanted", () => {
    const thinking = { type: "enabled", budget_tokens: 5, display: "omitted" };

    assertEquals(normalise(request({ thinking })).thinking, { type: "enabled", budget_tokens: 5 });
  });
});

const breakpoint = { cache_control: { type: "ephemeral" } };

function request(fields: Partial<MessagesRequest> & Record<string, unknown>): MessagesRequest {
  return { ...question, ...fields };
}

function text(value: string) {
  return { type: "text" as const, text: value };
}

function user(content: MessagesRequest["messages"][number]["content"]) {
  return { role: "user" as const, content };
}

function call(id: string) {
  return { type: "tool_use" as const, id, name: "Read", input: {} };
}

function result(tool_use_id: string) {
  return { type: "tool_result" as const, tool_use_id, content: "done" };
}
