import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { translated } from "../support/conversation.ts";

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
