import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { MessagesRequest } from "../../src/protocol/anthropic.ts";
import { normalise } from "../../src/translate/request/normalise.ts";
import { call, result, text } from "../support/conversation.ts";
import { question } from "../support/proxy.ts";

const billing = "x-anthropic-billing-header: cc_version=2.1.330.abc; cc_entrypoint=cli;";

describe("normalise", () => {
  test("makes one form of two requests that ask the same", () => {
    const plain = request({
      system: [text("Be brief")],
      messages: [user("Hello"), { role: "assistant", content: "Hi" }, user("Bye")],
      tools: [{ name: "Bash" }, { name: "Read" }],
    });
    const cited = { ...text("Hi"), citations: [] };
    const marked = request({
      system: [text(billing), { ...text("Be brief"), ...breakpoint }],
      messages: [
        user([text("Hello")]),
        { role: "assistant", content: [cited] },
        user([text(""), { ...text("Bye"), ...breakpoint }]),
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

  test("leaves what is said after the user went on in its place, also before any answer", () => {
    const { system, messages } = normalise(request({
      messages: [
        user("Hello"),
        { role: "system", content: "One" },
        { role: "system", content: "Two" },
        user("Still there?"),
        { role: "system", content: "Three" },
      ],
    }));

    assertEquals(system, [text("One"), text("Two")]);
    assertEquals(messages.map(({ content }) => content), [
      [text("Hello")],
      [text("Still there?")],
      [text("<system-reminder>\nThree\n</system-reminder>")],
    ]);
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

  test("takes the search for tools by Anthropic as having found all of them", () => {
    const tools = [
      { name: "Zebra", defer_loading: true },
      { name: "Apple" },
      { name: "search", type: "tool_search_tool_bm25_20251119" },
    ];

    const { tools: visible } = normalise(request({ tools }));

    assertEquals(visible.map(({ name }) => name), ["Apple", "Zebra", "search"]);
  });

  test("shows a deferred tool that a system message adds", () => {
    const added = {
      type: "tool_addition" as const,
      tool: { type: "tool_reference", name: "Late" },
    };

    const { tools } = normalise(request({
      tools: [{ name: "Late", defer_loading: true }, { name: "Zebra" }],
      messages: [user("Go"), { role: "system", content: [added] }],
    }));

    assertEquals(tools.map(({ name }) => name), ["Zebra", "Late"]);
  });

  test("has each tool once", () => {
    const { tools } = normalise(request({
      tools: [
        ...[{ name: "Read" }, { name: "Bash" }, { name: "Read", description: "again" }],
        ...[{ name: "Read", defer_loading: true }],
      ],
      messages: [user([{ type: "tool_reference", tool_name: "Read" }])],
    }));

    assertEquals(tools, [{ name: "Bash" }, { name: "Read" }]);
  });

  test("takes what the model said in several messages as one answer", () => {
    const { messages } = normalise(request({
      messages: [
        user("Go"),
        { role: "assistant", content: [call("a")] },
        { role: "assistant", content: [call("b")] },
        user([result("b"), result("a")]),
      ],
    }));

    assertEquals(messages.slice(1), [
      { role: "assistant", content: [call("a"), call("b")] },
      {
        role: "user",
        content: ["a", "b"].map((id) => result(id, [text(`result of ${id}`)])),
      },
    ]);
  });

  test("writes U+FFFD for halves of characters, wherever they are, and changes nothing else", () => {
    const half = "\ud83e";
    const whole = "\ud83e\udd8a \u0000";
    const input = { [half]: [half, { deep: `${whole}${half}` }], whole };

    const normal = normalise(request({
      model: half,
      system: `${whole}${half}`,
      messages: [
        user(`${half}${whole}`),
        { role: "assistant", content: [{ ...call("a"), input }] },
      ],
      tools: [{ name: "Read", description: half, input_schema: { [half]: whole } }],
      stop_sequences: [half],
    }));

    assertEquals(normal, {
      model: "\ufffd",
      max_tokens: 100,
      system: [text(`${whole}\ufffd`)],
      messages: [
        { role: "user", content: [text(`\ufffd${whole}`)] },
        {
          role: "assistant",
          content: [{
            ...call("a"),
            input: { "\ufffd": ["\ufffd", { deep: `${whole}\ufffd` }], whole },
          }],
        },
      ],
      tools: [{ name: "Read", description: "\ufffd", input_schema: { "\ufffd": whole } }],
      stop_sequences: ["\ufffd"],
    });
  });

  test("gives the same objects for the same objects", () => {
    const asked = request({
      system: [text("Rules")],
      messages: [user("Go"), { role: "assistant", content: [call("b"), call("a")] }],
      tools: [{ name: "Read" }],
    });
    const next = [user([result("a"), result("b")]), { role: "system" as const, content: "Later" }];

    const [first, second, third] = [[], next, next].map((more) =>
      normalise({ ...asked, messages: [...asked.messages, ...more] })
    );

    assert(second?.system === first?.system && second?.tools[0] === first?.tools[0]);
    assert(second?.messages.slice(0, 2).every((each, index) => each === first?.messages[index]));
    assert(second?.messages.every((each, index) => each === third?.messages[index]));
  });

  test("does not change what it was given", () => {
    const given = request({
      messages: [user([{ ...text("Go"), ...breakpoint }, result("a")])],
      tools: [{ name: "Read", ...breakpoint }],
    });
    const copy = structuredClone(given);

    normalise(given);

    assertEquals(given, copy);
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

function user(content: MessagesRequest["messages"][number]["content"]) {
  return { role: "user" as const, content };
}
