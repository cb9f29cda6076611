import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { ContentBlock, Message, MessagesRequest } from "../../src/protocol/anthropic.ts";
import type { Dialect } from "../../src/translate/dialect.ts";
import { normalise } from "../../src/translate/normalise.ts";
import { toChatRequest } from "../../src/translate/request.ts";
import { question } from "../support/proxy.ts";

const usual: Dialect = {
  ...{ seesImages: true, readsFiles: false, takesTopK: true, outputLimit: "max_tokens" },
  ...{ thinking: "reasoning_content", simpleSchemas: false, strictTurns: false, without: [] },
};

describe("messages", () => {
  test("put results behind their calls, then what the tools show, then the user's text", () => {
    const messages = chat({
      system: [text("One"), text("Two")],
      messages: [
        user([text("Look"), text("now")]),
        {
          role: "assistant",
          content: [thought("Hm"), text("Looking"), call("a"), call("b")],
        },
        user([
          text("Quick"),
          result("b", [text("seen"), image]),
          result("a", ""),
        ]),
      ],
    });

    assertEquals(messages, [
      { role: "system", content: "One\n\nTwo" },
      { role: "user", content: "Look\n\nnow" },
      {
        role: "assistant",
        content: "Looking",
        reasoning_content: "Hm",
        tool_calls: [chatCall("a"), chatCall("b")],
      },
      { role: "tool", tool_call_id: "a", content: "" },
      { role: "tool", tool_call_id: "b", content: "seen\n\n[Image: see below]" },
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
          { type: "text", text: "Quick" },
        ],
      },
    ]);
  });

  test("answer a call that was interrupted", () => {
    const messages = chat({
      messages: [user("Go"), { role: "assistant", content: [call("a")] }, user("Stop")],
    });

    assertEquals(messages.slice(2), [
      { role: "tool", tool_call_id: "a", content: "[Tool use interrupted]" },
      { role: "user", content: "Stop" },
    ]);
  });

  test("answer every call of a conversation that stops in the middle of its results", () => {
    const messages = chat({
      messages: [
        user("Go"),
        { role: "assistant", content: [call("a"), call("b")] },
        user([result("a", "done")]),
      ],
    });

    assertEquals(messages.slice(2), [
      { role: "tool", tool_call_id: "a", content: "done" },
      { role: "tool", tool_call_id: "b", content: "[Tool use interrupted]" },
    ]);
  });

  test("keep a result without a call as the user's text", () => {
    const messages = chat({ messages: [user("Go"), user([result("gone", "found it")])] });

    assertEquals(messages.at(-1), { role: "user", content: "found it" });
  });

  test("say that a tool failed although it said nothing", () => {
    const failed = { ...result("a", ""), is_error: true };

    const messages = chat({
      messages: [user("Go"), { role: "assistant", content: [call("a")] }, user([failed])],
    });

    assertEquals(messages.at(-1), { role: "tool", tool_call_id: "a", content: "Error" });
  });

  test("of one turn are a prefix of the next turn's", () => {
    fc.assert(
      fc.property(sessions, (session) => {
        const turns = session.map((_, index) => session.slice(0, index + 1).flat());
        const rendered = turns.map((messages) => chat({ system: "Rules", messages }));
        for (const [index, messages] of rendered.entries()) {
          const previous = rendered[index - 1] ?? [];
          assertEquals(messages.slice(0, previous.length), previous);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("answer every call exactly once, right behind it", () => {
    fc.assert(
      fc.property(sessions, (session) => {
        let open: string[] = [];
        for (const message of chat({ messages: session.flat() })) {
          if (message.role === "tool") {
            assert(open.includes(message.tool_call_id));
            open = open.filter((id) => id !== message.tool_call_id);
            continue;
          }
          assertEquals(open, []);
          if (message.role === "assistant") open = (message.tool_calls ?? []).map(({ id }) => id);
        }
        assertEquals(open, []);
      }),
      { numRuns: 200 },
    );
  });
});

describe("parameters", () => {
  const tools = [{ name: "Read", description: "Reads", input_schema: { type: "object" } }];

  test("become OpenAI's", () => {
    const { messages: _, tools: chatTools, ...rest } = translated({
      tools,
      temperature: 0,
      top_p: 0.9,
      top_k: 40,
      stop_sequences: ["END"],
    });

    assertEquals(chatTools, [{
      type: "function",
      function: { name: "Read", description: "Reads", parameters: { type: "object" } },
    }]);
    assertEquals(rest, {
      model: "local-model",
      max_tokens: 100,
      temperature: 0,
      top_p: 0.9,
      top_k: 40,
      stop: ["END"],
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  test("name no tools when the model must not call any", () => {
    assertEquals(translated({ tools, tool_choice: { type: "none" } }).tools, undefined);
  });

  test("leave out tools that only Anthropic can run", () => {
    const search = { name: "web_search", type: "web_search_20250305", max_uses: 8 };

    const { tools: left, tool_choice } = translated({
      tools: [search],
      tool_choice: { type: "auto" },
    });

    assertEquals([left, tool_choice], [undefined, undefined]);
  });

  const choices = [
    ["auto", { type: "auto" }, undefined],
    ["any", { type: "any" }, "required"],
    ["tool", { type: "tool", name: "Read" }, { type: "function", function: { name: "Read" } }],
  ] as const;
  for (const [name, tool_choice, expected] of choices) {
    test(`hand on the tool choice ${name}`, () => {
      assertEquals(translated({ tools, tool_choice }).tool_choice, expected);
    });
  }

  test("hand on that only one tool may be called at a time", () => {
    const tool_choice = { type: "auto", disable_parallel_tool_use: true } as const;

    assertEquals(translated({ tools, tool_choice }).parallel_tool_calls, false);
  });
});

const image = {
  type: "image" as const,
  source: { type: "base64" as const, media_type: "image/png", data: "AAAA" },
};

/** What each side adds in one round: calls, their results in any order, reminders, interruptions. */
const sessions = fc.array(
  fc.record({
    said: fc.string({ minLength: 1 }),
    calls: fc.nat({ max: 3 }),
    isReversed: fc.boolean(),
    isInterrupted: fc.boolean(),
    reminder: fc.boolean(),
  }),
  { minLength: 1, maxLength: 5 },
).map((rounds) => [
  [user("Begin")],
  ...rounds.map(({ said, calls, isReversed, isInterrupted, reminder }, round): Message[] => {
    const ids = Array.from({ length: calls }, (_, index) => `call_${round}_${index}`);
    const answered = isInterrupted ? ids.slice(1) : ids;
    const results = answered.map((id) => result(id, `result of ${id}`));
    return [
      { role: "assistant", content: [thought("Hm"), text(said), ...ids.map(call)] },
      user([...(isReversed ? results.toReversed() : results), text(`next ${round}`)]),
      ...(reminder ? [{ role: "system" as const, content: "Remember" }] : []),
    ];
  }),
]);

function translated(fields: Partial<MessagesRequest> & Record<string, unknown>) {
  return toChatRequest(normalise({ ...question, ...fields }), usual);
}

function chat(fields: Partial<MessagesRequest>) {
  return translated(fields).messages;
}

function text(value: string) {
  return { type: "text" as const, text: value };
}

function thought(thinking: string) {
  return { type: "thinking" as const, thinking, signature: "" };
}

function user(content: string | readonly ContentBlock[]) {
  return { role: "user" as const, content };
}

function call(id: string) {
  return { type: "tool_use" as const, id, name: "Read", input: { path: id } };
}

function chatCall(id: string) {
  const args = JSON.stringify({ path: id });
  return { id, type: "function" as const, function: { name: "Read", arguments: args } };
}

function result(tool_use_id: string, content: string | readonly ContentBlock[]) {
  return { type: "tool_result" as const, tool_use_id, content };
}
