import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ProxyError } from "../../src/core/errors.ts";
import type { ContentBlock, Message } from "../../src/protocol/anthropic.ts";
import type { ChatMessage, ChatRequest } from "../../src/protocol/openai.ts";
import type { Dialect } from "../../src/translate/dialect.ts";
import { encodeChatRequest } from "../../src/translate/request/encode.ts";
import {
  assistant,
  call,
  image,
  other,
  pdf,
  result,
  system,
  text,
  thought,
  translated,
  user,
} from "../support/conversation.ts";

const tools = [
  ...["Read", "odd.name/ä"].map((name) => ({ name })),
  ...["Late", "Later", "Latest"].map((name) => ({ name, defer_loading: true })),
  { name: "web_search", type: "web_search_20250305" },
];

/** Halves of characters among them. */
const said = fc.string({ unit: fc.constantFrom("a", " ", "\n", "\ud83e", "\udd8a") });
const shown: fc.Arbitrary<ContentBlock> = fc.oneof(
  said.map(text),
  fc.constantFrom<ContentBlock>(
    image,
    pdf,
    { type: "document", title: "T", source: { type: "text", data: "plain" } },
    { type: "document", source: { type: "content", content: [text("One"), image] } },
    { type: "search_result", source: "s", title: "t", content: [text("found")] },
    { type: "tool_reference", tool_name: "Later" },
    other({ type: "hologram" }),
  ),
);
const reference = fc.constantFrom("Late", "Later", "Latest", "Unknown")
  .map((tool_name): ContentBlock => ({ type: "tool_reference", tool_name }));
const given = fc.oneof(said, fc.array(fc.oneof(shown, reference), { maxLength: 3 }));
/** Few, so that some come again. */
const ids = fc.array(fc.constantFrom("a", "b", "c", "call_0"), { maxLength: 3 });

const answer = fc.record({ words: fc.array(said, { maxLength: 2 }), hm: said, calls: ids }).map(
  ({ words, hm, calls }) =>
    assistant(
      thought(hm),
      ...words.map(text),
      other({ type: "redacted_thinking", data: "x" }),
      other({ type: "server_tool_use", name: "web_search", input: {} }),
      ...calls.map((id, index) => call(id, ["Read", "odd.name/ä", "Late"][index])),
    ),
);
const results = fc.array(
  fc.record({ id: fc.constantFrom("a", "b", "c", "call_0", "gone"), given, failed: fc.boolean() }),
  { maxLength: 4 },
).map((each) => each.map(({ id, given, failed }) => ({ ...result(id, given), is_error: failed })));
const words = fc.array(shown, { maxLength: 2 }).map((blocks) => user(...blocks, text("Well?")));
const later = fc.array(said.map(system), { maxLength: 2 });

/** An answer and what the client adds to it before it asks again; sometimes there was no answer. */
const turn = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ answer, results, words, later, isApart: fc.boolean() }).map(
      ({ answer, results, words, later, isApart }): readonly Message[] => [
        answer,
        ...(isApart ? results.map((each) => user(each)) : []),
        isApart ? words : user(...words.content as ContentBlock[], ...results),
        ...later,
      ],
    ),
  },
  { weight: 1, arbitrary: fc.tuple(words, later).map(([asked, more]) => [asked, ...more]) },
);
const sessions = fc.tuple(
  fc.tuple(words, later).map(([asked, more]) => [asked, ...more]),
  fc.array(turn, { maxLength: 5 }),
)
  .map(([opening, turns]) => [opening, ...turns]);
const dialects = fc.record<Partial<Dialect>>({
  seesImages: fc.boolean(),
  readsFiles: fc.boolean(),
  thinking: fc.constantFrom("reasoning_content", "reasoning", undefined),
  strictTurns: fc.boolean(),
});
const runs = { numRuns: 300 };

describe("the chat request of a turn", () => {
  test("begins with all that the turn before it said", () => {
    fc.assert(
      fc.property(sessions, dialects, (session, dialect) => {
        const requests = turnsOf(session, dialect).filter((each) => each !== undefined);

        for (const [index, { messages, tools }] of requests.slice(1).entries()) {
          const before = requests[index];
          assertEquals(tools?.slice(0, before?.tools?.length), before?.tools);
          assertBegins(messages, before?.messages ?? [], dialect);
        }
      }),
      runs,
    );
  });

  test("keeps the rules that servers check", () => {
    fc.assert(
      fc.property(sessions, dialects, (session, dialect) => {
        for (const request of turnsOf(session, dialect)) {
          if (request) assertLegal(request, dialect);
        }
      }),
      runs,
    );
  });

  test("is the same whether its parts are known or not, and its text is its JSON", () => {
    fc.assert(
      fc.property(sessions, dialects, (session, dialect) => {
        for (const [index, known] of turnsOf(session, dialect).entries()) {
          const messages = structuredClone(session.slice(0, index + 1).flat());
          assertEquals(known, asked(messages, { ...dialect }));
          assertEquals(encodeChatRequest(known ?? {}), JSON.stringify(known ?? {}));
        }
      }),
      runs,
    );
  });
});

function turnsOf(session: readonly (readonly Message[])[], dialect: Partial<Dialect>) {
  return session.map((_, index) => asked(session.slice(0, index + 1).flat(), dialect));
}

/** Undefined for a question that is refused, because the model would miss what it is about. */
function asked(messages: readonly Message[], dialect: Partial<Dialect>): ChatRequest | undefined {
  try {
    return translated({ system: "Rules", messages, tools }, dialect);
  } catch (error) {
    assert(error instanceof ProxyError && error.message.includes("in your last message"));
    return undefined;
  }
}

/** A strict server's last message may go on, because a second one of its role is refused. */
function assertBegins(
  messages: readonly ChatMessage[],
  before: readonly ChatMessage[],
  { strictTurns }: Partial<Dialect>,
) {
  const same = messages.slice(0, before.length);
  if (!strictTurns) {
    assertEquals(same, before);
    return;
  }
  assertEquals(same.slice(0, -1), before.slice(0, -1));
  assertEquals(same.at(-1)?.role, before.at(-1)?.role);
  assert(spelled(same.at(-1)).startsWith(spelled(before.at(-1))));
}

function spelled(message: ChatMessage | undefined): string {
  const { content } = message ?? { content: "" };
  if (typeof content === "string" || !content) return content ?? "";
  return content.map((part) => part.type === "text" ? part.text : JSON.stringify(part))
    .join("\n\n");
}

function assertLegal({ messages, tools }: ChatRequest, { strictTurns }: Partial<Dialect>) {
  const json = JSON.stringify([messages, tools]);
  assert(!/\\ud[89a-f]/.test(json), "half a character");
  const called = new Set<string>();
  let open: string[] = [];
  let before: ChatMessage["role"] = "tool";
  for (const [index, message] of messages.entries()) {
    assertEquals(message.role === "system", index === 0);
    if (message.role === "tool") {
      assert(open.includes(message.tool_call_id));
      open = open.filter((id) => id !== message.tool_call_id);
    } else assertEquals(open, []);
    const calls = message.role === "assistant" ? message.tool_calls ?? [] : [];
    for (const { id, function: { name, arguments: json } } of calls) {
      assert(/^[a-zA-Z0-9]{9}$/.test(id) && !called.has(id), id);
      assert(/^[a-zA-Z0-9_-]{1,64}$/.test(name), name);
      assertEquals(typeof JSON.parse(json), "object");
      called.add(id);
      open.push(id);
    }
    assertSays(message);
    if (strictTurns && message.role !== "tool") {
      assert(before !== message.role, `${message.role} twice`);
      assert(before !== "tool" || message.role !== "user", "a question behind results");
    }
    before = message.role;
  }
  assertEquals(open, []);
  assert(before !== "assistant", "nothing asked");
}

function assertSays(message: ChatMessage) {
  const { content } = message;
  if (message.role === "assistant") {
    const thinking = message.reasoning_content ?? message.reasoning;
    assert(message.tool_calls ? content !== "" : content || (content === "" && thinking));
    return;
  }
  assert(content !== null && content.length > 0);
  if (typeof content === "string") return;
  for (const part of content) assert(part.type !== "text" || part.text !== "");
}
