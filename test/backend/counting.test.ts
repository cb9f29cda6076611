import { describe, test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { countTokens, leastTokens } from "../../src/backend/counting.ts";
import { kindOf, type ServerKindName } from "../../src/backend/server-kinds.ts";
import type { ChatMessage, ChatRequest } from "../../src/protocol/openai.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { foreignServer } from "../support/foreign-server.ts";
import { question } from "../support/proxy.ts";
import { never, upstream } from "../support/upstream.ts";

const tools = [{
  type: "function" as const,
  function: { name: "Read", description: "Reads a file", parameters: { type: "object" } },
}];
const picture = {
  role: "user" as const,
  content: [{
    type: "image_url" as const,
    image_url: { url: `data:image/png;base64,${"A".repeat(400_000)}` },
  }],
};

describe("counting", () => {
  for (const kind of ["ours", "vllm", "sglang", "other"] as const) {
    test(`is exact where a server takes a conversation (${kind})`, async () => {
      const { count, asked, bodies } = server(kind, { "/tokenize": { count: 17 } });

      assertEquals(await count({ tools }), { inputTokens: 17, exact: true });
      assertEquals(asked, ["POST /tokenize"]);
      assertEquals(bodies, [{ model: "m", messages: chat().messages, tools }]);
    });
  }

  test("is exact where a server renders a conversation and counts a text (llama.cpp)", async () => {
    const { count, asked, bodies } = server("llama.cpp", {
      "/apply-template": { prompt: "<|user|>Hello" },
      "/tokenize": { tokens: [1, 2, 3] },
    });

    assertEquals(await count({ tools }), { inputTokens: 3, exact: true });
    assertEquals(asked, ["POST /apply-template", "POST /tokenize"]);
    assertEquals(bodies, [
      { model: "m", messages: chat().messages, tools },
      { model: "m", content: "<|user|>Hello", add_special: true, parse_special: true },
    ]);
  });

  for (const kind of ["lmstudio", "ollama", "mlx-lm", "openrouter", "openai"] as const) {
    test(`is a stated estimate where nobody can count, and nobody is asked (${kind})`, async () => {
      const { count, asked } = server(kind, { "/tokenize": { count: 17 } });

      const { exact, inputTokens } = await count({
        messages: [{ role: "user", content: "x".repeat(4000) }],
      });

      assertEquals([exact, asked], [false, []]);
      assert(inputTokens > 990 && inputTokens < 1030, String(inputTokens));
    });
  }

  const broken: readonly [string, ServerKindName, Readonly<Record<string, unknown>>][] = [
    ["has no such path", "vllm", {}],
    ["answers 200 to every path", "other", { "/tokenize": { error: "Unexpected endpoint" } }],
    ["renders nothing", "llama.cpp", { "/apply-template": {}, "/tokenize": { tokens: [1] } }],
    ["counts nothing", "llama.cpp", { "/apply-template": { prompt: "x" }, "/tokenize": {} }],
  ];
  for (const [what, kind, answers] of broken) {
    test(`is a stated estimate when the server ${what}`, async () => {
      assertEquals((await server(kind, answers).count()).exact, false);
    });
  }

  test("takes a picture for a picture, and not for its letters", async () => {
    const { count } = server("openai", {});

    const { inputTokens } = await count({ messages: [picture] });

    assert(inputTokens > 1600 && inputTokens < 1650, String(inputTokens));
  });

  test("is not called exact where a picture is only a mark in the text (llama.cpp)", async () => {
    const { count, asked } = server("llama.cpp", {
      "/apply-template": { prompt: "<__media__>" },
      "/tokenize": { tokens: [1] },
    });

    assertEquals((await count({ messages: [picture] })).exact, false);
    assertEquals(asked, []);
  });

  test("is a stated estimate after five seconds without an answer", async () => {
    const clock = new FakeClock();
    const { backend, calls } = upstream(never, { clock, kind: "vllm" });

    const counting = backend.countTokens(question, new AbortController().signal);
    await clock.advance(5000);

    assertEquals((await counting).exact, false);
    assertEquals([calls[0]?.signal.aborted, clock.sleepers], [true, 0]);
  });

  test("ends when the client leaves", async () => {
    const client = new AbortController();
    const { connection } = foreignServer({ answers: {} });
    client.abort(new Error("left"));

    await assertRejects(
      () =>
        countTokens(chat(), {
          ...{ connection, kind: kindOf("vllm"), clock: new FakeClock() },
          signal: client.signal,
        }),
      Error,
      "left",
    );
  });
});

describe("the least number of tokens", () => {
  const words: readonly [string, number][] = [
    ["", 0],
    ["one two  three\nfour", 4],
    ["don't snake_case_name a.b(c)", 3],
    ["1 2 3 {} => ----", 0],
    ["(x) y2 3z", 3],
    ["日本語のテキスト", 1],
    ["наш текст", 2],
  ];
  for (const [content, expected] of words) {
    test(`of ${JSON.stringify(content)} is ${expected}`, () => {
      assertEquals(leastTokens(chat({ messages: [{ role: "user", content }] })), expected);
    });
  }

  test("counts what is always said: parts of texts, calls, results and tools", () => {
    const call = { name: "Read", arguments: `{"path": "a b"}` };
    const messages: ChatMessage[] = [
      { role: "user", content: [{ type: "text", text: "one two" }] },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "call_1", type: "function", function: call }],
      },
      { role: "tool", tool_call_id: "call_1", content: "three" },
    ];

    assertEquals(leastTokens(chat({ messages })), 2 + 1 + 3 + 1);
    assertEquals(leastTokens(chat({ messages: [], tools })), 1 + 3);
  });

  test("leaves out pictures, and thinking, which templates drop", () => {
    const messages: ChatMessage[] = [
      picture,
      { role: "assistant", content: null, reasoning_content: "one two three" },
    ];

    assertEquals(leastTokens(chat({ messages })), 0);
  });
});

function server(kind: ServerKindName, answers: Readonly<Record<string, unknown>>) {
  const { connection, asked, bodies } = foreignServer({ answers });
  const { signal } = new AbortController();
  const count = (more: Partial<ChatRequest> = {}) =>
    countTokens(chat(more), { connection, kind: kindOf(kind), clock: new FakeClock(), signal });
  return { count, asked, bodies };
}

function chat(more: Partial<ChatRequest> = {}): ChatRequest {
  return {
    model: "m",
    messages: [{ role: "user", content: "Hello" }],
    stream: true,
    stream_options: { include_usage: true },
    ...more,
  };
}
