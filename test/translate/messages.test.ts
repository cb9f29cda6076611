import { describe, test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProxyError } from "../../src/core/errors.ts";
import type { Message } from "../../src/protocol/anthropic.ts";
import type { ChatMessage } from "../../src/protocol/openai.ts";
import {
  assistant,
  call,
  chat,
  image,
  other,
  result,
  system,
  text,
  thought,
  translated,
  user,
} from "../support/conversation.ts";

const asked = user(text("Go"));

describe("messages", () => {
  test("put results behind their calls, then what the tools show, then the user's text", () => {
    const { messages } = translated({
      system: [text("One"), text("Two")],
      messages: [
        user(text("Look"), text("now")),
        assistant(thought("Hm"), text("Looking"), call("a"), call("b")),
        user(text("Quick"), result("b", [text("seen"), image]), result("a", "found")),
      ],
    });

    assertEquals(messages, [
      { role: "system", content: "One\n\nTwo" },
      { role: "user", content: "Look\n\nnow" },
      {
        role: "assistant",
        content: "Looking",
        reasoning_content: "Hm",
        tool_calls: [chatCall("call00001", "a"), chatCall("call00002", "b")],
      },
      { role: "tool", tool_call_id: "call00001", content: "found" },
      { role: "tool", tool_call_id: "call00002", content: "seen\n\n[Image: see below]" },
      {
        role: "user",
        content: [
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
          { type: "text", text: "Quick" },
        ],
      },
    ]);
  });

  test("are the same objects when a later turn tells them again", () => {
    const first = [asked, assistant(call("a")), user(result("a"), text("And?"))];
    const tools = [{ name: "Read" }];
    const ask = (...more: readonly Message[]) =>
      translated({ messages: [...first, ...more], tools });

    const [before, after] = [ask(), ask(assistant(text("Yes")), asked)];

    assert(before.messages.every((each, index) => each === after.messages[index]));
    assert(before.tools?.[0] === after.tools?.[0]);
  });

  test("leave messages of one role apart", () => {
    const messages = chat([user(text("One")), user(text("Two"))]);

    assertEquals(messages.map(({ content }) => content), ["One", "Two"]);
  });

  test("leave out what is empty", () => {
    const messages = chat([
      user(text("")),
      asked,
      assistant(text("")),
      assistant(thought("Hm"), call("a")),
      { role: "user", content: "" },
      assistant(text("")),
      user(result("a", [text("")])),
    ]);

    assertEquals(messages, [
      { role: "user", content: "Go" },
      {
        role: "assistant",
        content: null,
        reasoning_content: "Hm",
        tool_calls: [chatCall("call00001", "a")],
      },
      { role: "tool", tool_call_id: "call00001", content: "(no output)" },
    ]);
  });

  test("of which none says anything are refused", () => {
    const error = assertThrows(() => chat([user(text("")), system("Rules")]), ProxyError);

    assertEquals([error.status, error.final], [400, true]);
  });

  test("say that a tool failed although it said nothing", () => {
    const failed = { ...result("a", ""), is_error: true };

    const messages = chat([asked, assistant(call("a")), user(failed)]);

    assertEquals(told(messages), ["Go", null, "Error"]);
  });

  test("ask the model to go on where the client wants its last words continued", () => {
    const messages = chat([asked, assistant(text("{"))]);

    assertEquals(messages.map(({ role }) => role), ["user", "assistant", "user"]);
  });
});

describe("calls and results", () => {
  test("are repaired when a call was interrupted", () => {
    const messages = chat([asked, assistant(call("a")), user(text("Stop"))]);

    assertEquals(messages.slice(2), [
      { role: "tool", tool_call_id: "call00001", content: "[Tool use interrupted]" },
      { role: "user", content: "Stop" },
    ]);
  });

  test("are repaired when the conversation stops in the middle of the results", () => {
    const messages = chat([asked, assistant(call("a"), call("b")), user(result("a", "done"))]);

    assertEquals(told(messages), ["Go", null, "done", "[Tool use interrupted]"]);
  });

  test("may come in several messages of one turn", () => {
    const messages = chat([
      asked,
      assistant(call("a")),
      assistant(call("b")),
      user(result("a")),
      user(result("b")),
    ]);

    assertEquals(told(messages), ["Go", null, "result of a", "result of b"]);
    assertEquals(messages[1], {
      role: "assistant",
      content: null,
      tool_calls: [chatCall("call00001", "a"), chatCall("call00002", "b")],
    });
  });

  test("are told as text when the call was never made, or answered before", () => {
    const messages = chat([
      asked,
      assistant(call("a")),
      user(result("gone"), result("a"), result("a", [text("again"), image])),
    ]);

    assertEquals(messages.slice(2), [
      { role: "tool", tool_call_id: "call00001", content: "result of a" },
      {
        role: "user",
        content: [
          { type: "text", text: "[Result of an earlier tool call]\nagain\n\n[Image: see below]" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
          { type: "text", text: "[Result of an earlier tool call]\nresult of gone" },
        ],
      },
    ]);
  });

  test("are told as text when they come too late", () => {
    const messages = chat([asked, assistant(call("a")), user(text("Well?")), user(result("a"))]);

    assertEquals(told(messages).slice(2), [
      "[Tool use interrupted]",
      "Well?",
      "[Result of an earlier tool call]\nresult of a",
    ]);
  });

  test("belong together although the client gives every turn the same ids", () => {
    const turn = [assistant(call("call_0"), call("call_0")), user(result("call_0", "1st"))];

    const messages = chat([asked, ...turn, ...turn]);

    const ids = messages.flatMap((message) => message.role === "tool" ? message.tool_call_id : []);
    assertEquals(ids, ["call00001", "call00002", "call00003", "call00004"]);
    assertEquals(told(messages).slice(4), [null, "1st", "[Tool use interrupted]"]);
  });

  test("have arguments that are an object", () => {
    const inputs = [{ a: 1 }, [1], "x", null, undefined];

    const [, answer] = chat([
      asked,
      assistant(...inputs.map((input) => ({ ...call("a"), input }))),
      user(result("a")),
    ]);

    assertEquals(
      answer?.role === "assistant" && answer.tool_calls?.map((each) => each.function.arguments),
      ['{"a":1}', '{"input":[1]}', '{"input":"x"}', "{}", "{}"],
    );
  });
});

describe("earlier thinking", () => {
  const conversation = [asked, assistant(thought("Hm"), text("Yes")), user(text("Why?"))];

  for (const thinking of ["reasoning_content", "reasoning"] as const) {
    test(`is replayed as ${thinking} where the server wants it there`, () => {
      const [, answer] = chat(conversation, { thinking });

      assertEquals<unknown>(answer, { role: "assistant", content: "Yes", [thinking]: "Hm" });
    });
  }

  test("is left out where the server refuses it", () => {
    const silent = [asked, assistant(thought("Hm")), user(text("Well?"))];

    const [answered, unanswered] = [conversation, silent].map((messages) =>
      chat(messages, { thinking: undefined })
    );

    assertEquals(answered?.[1], { role: "assistant", content: "Yes" });
    assertEquals(told(unanswered ?? []), ["Go", "Well?"]);
  });

  test("is all that is told of a turn without words", () => {
    const [, answer] = chat([asked, assistant(thought("Hm")), user(text("Well?"))]);

    assertEquals(answer, { role: "assistant", content: "", reasoning_content: "Hm" });
  });

  test("is dropped when only Anthropic can read it", () => {
    const secret = other({ type: "redacted_thinking", data: "xyz" });

    assertEquals(told(chat([asked, assistant(secret, text("Yes")), asked])), ["Go", "Yes", "Go"]);
  });
});

describe("what ran at Anthropic", () => {
  test("is told between the words of its turn", () => {
    const use = { type: "server_tool_use", id: "s", name: "web_search", input: { query: "q" } };
    const found = {
      type: "web_search_result",
      title: "T",
      url: "http://t",
      encrypted_content: "x",
    };

    const [, answer] = chat([
      asked,
      assistant(
        text("Let me "),
        text("look."),
        other(use),
        other({ type: "web_search_tool_result", tool_use_id: "s", content: [found] }),
        text("Found."),
      ),
      user(text("And?")),
    ]);

    assertEquals(
      answer?.content,
      [
        "Let me look.",
        '[Called web_search: {"query":"q"}]',
        '[Result: [{"type":"web_search_result","title":"T","url":"http://t"}]]',
        "Found.",
      ].join("\n\n"),
    );
  });

  test("is the summary where it summed a conversation up", () => {
    const summary = other({ type: "compaction", content: "So far", encrypted_content: "x" });

    assertEquals(told(chat([asked, assistant(summary), asked])), ["Go", "So far", "Go"]);
  });

  test("is passed over where nobody knows what it is", () => {
    const strange = other({ type: "hologram", content: "?" });

    assertEquals(told(chat([asked, assistant(strange, text("Yes")), asked])), ["Go", "Yes", "Go"]);
  });
});

describe("turns of a strict server", () => {
  const strict = (...messages: Parameters<typeof chat>[0]) => chat(messages, { strictTurns: true });

  test("join what one role says twice", () => {
    const messages = strict(
      user(text("One")),
      user(image),
      user(text("Two")),
      assistant(text("Three")),
      user(text("")),
      assistant(thought("Hm"), text("Four")),
      user(text("Five")),
      user(text("Six")),
    );

    assertEquals(messages, [
      {
        role: "user",
        content: [
          { type: "text", text: "One" },
          { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
          { type: "text", text: "Two" },
        ],
      },
      { role: "assistant", content: "Three\n\nFour", reasoning_content: "Hm" },
      { role: "user", content: "Five\n\nSix" },
    ]);
  });

  test("hold what the user adds to results in the last one", () => {
    const messages = strict(
      asked,
      assistant(call("a"), call("b")),
      user(result("a"), result("b"), text("Stop")),
    );

    assertEquals(messages.slice(2), [
      { role: "tool", tool_call_id: "call00001", content: "result of a" },
      {
        role: "tool",
        tool_call_id: "call00002",
        content: "result of b\n\nThe user adds:\nStop",
      },
    ]);
  });

  test("have an answer between results and the images in them", () => {
    const messages = strict(asked, assistant(call("a")), user(result("a", [image])));

    assertEquals(messages.map(({ role }) => role), [
      ...["user", "assistant", "tool", "assistant", "user"],
    ]);
  });
});

function told(messages: readonly ChatMessage[]) {
  return messages.map(({ content }) => content);
}

function chatCall(id: string, path: string) {
  const args = JSON.stringify({ path });
  return { id, type: "function" as const, function: { name: "Read", arguments: args } };
}
