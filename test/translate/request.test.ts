import { describe, test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProxyError } from "../../src/core/errors.ts";
import type { MessagesRequest, Tool } from "../../src/protocol/anthropic.ts";
import { text, translated } from "../support/conversation.ts";

const tools = [{ name: "Read", description: "Reads", input_schema: { type: "object" } }];
const search = { name: "web_search", type: "web_search_20250305", max_uses: 8 };
const editor = { name: "str_replace_based_edit_tool", type: "text_editor_20250728" };

describe("parameters", () => {
  const everything = {
    tools,
    tool_choice: { type: "any", disable_parallel_tool_use: true },
    temperature: 0,
    top_p: 0.9,
    top_k: 40,
    stop_sequences: ["END"],
    output_config: { effort: "max", format: { type: "json_schema", schema: { pattern: "x" } } },
  } as const;

  test("become OpenAI's", () => {
    const { messages: _, tools: chatTools, ...rest } = translated(everything);

    assertEquals(chatTools, [{
      type: "function",
      function: {
        name: "Read",
        description: "Reads",
        parameters: { type: "object", properties: {} },
      },
    }]);
    assertEquals(rest, {
      model: "local-model",
      tool_choice: "required",
      parallel_tool_calls: false,
      max_tokens: 100,
      temperature: 0,
      top_p: 0.9,
      top_k: 40,
      stop: ["END"],
      response_format: {
        type: "json_schema",
        json_schema: { name: "answer", schema: { pattern: "x" } },
      },
      stream: true,
      stream_options: { include_usage: true },
    });
  });

  test("are left out where a server does not take them", () => {
    const { messages: _, ...rest } = translated(everything, {
      takesTopK: false,
      outputLimit: "max_completion_tokens",
      mostOutputTokens: 50,
      takesEffort: true,
      without: [
        "reasoning_effort",
        ...["parallel_tool_calls", "response_format", "stop", "stream_options"] as const,
        ...["temperature", "tool_choice", "top_p"] as const,
      ],
    });

    assertEquals(Object.keys(rest).sort(), ["max_completion_tokens", "model", "stream", "tools"]);
    assertEquals(rest.max_completion_tokens, 50);
  });

  const efforts = [
    ["low", "low"],
    ["medium", "medium"],
    ["high", "high"],
    ["xhigh", "high"],
    ["max", "high"],
    ["unheard-of", undefined],
  ] as const;
  for (const [effort, expected] of efforts) {
    test(`hand on the effort ${effort} where there is a place for it`, () => {
      const request = { output_config: { effort } };

      assertEquals(translated(request, { takesEffort: true }).reasoning_effort, expected);
      assertEquals(translated(request).reasoning_effort, undefined);
    });
  }

  test("turn thinking off where that can be said", () => {
    const request = { thinking: { type: "disabled" }, output_config: { effort: "high" } };

    const spoken = translated(request, { takesEffort: true, takesTemplateOptions: true });
    const silent = translated(request);
    const thinking = translated({ thinking: { type: "adaptive" } }, { takesTemplateOptions: true });

    assertEquals([spoken.reasoning_effort, spoken.chat_template_kwargs], [
      "low",
      { enable_thinking: false },
    ]);
    assertEquals([silent.reasoning_effort, silent.chat_template_kwargs], [undefined, undefined]);
    assertEquals(thinking.chat_template_kwargs, undefined);
  });
});

describe("tools", () => {
  test("are not named when the model must not call any", () => {
    assertEquals(translated({ tools, tool_choice: { type: "none" } }).tools, undefined);
  });

  test("have an object with properties as arguments", () => {
    const odd = [{ name: "A" }, { name: "B", input_schema: { type: "array", required: [] } }];

    const { tools: chatTools } = translated({ tools: odd });

    assertEquals(chatTools?.map((tool) => tool.function.parameters), [
      { type: "object", properties: {} },
      { type: "object", required: [], properties: {} },
    ]);
  });

  test("and answers have simple schemas where grammars are made of them", () => {
    const schema = { type: "object", properties: { pattern: { pattern: "x" } }, $schema: "s" };
    const simple = { type: "object", properties: { pattern: {} } };
    const output_config = { format: { type: "json_schema", schema } };
    const request = { tools: [{ name: "Grep", input_schema: schema }], output_config };

    const plain = translated(request);
    const simplified = translated(request, { simpleSchemas: true });

    assertEquals(plain.tools?.[0]?.function.parameters, schema);
    assertEquals(simplified.tools?.[0]?.function.parameters, simple);
    assertEquals(
      (simplified.response_format as { json_schema: unknown }).json_schema,
      { name: "answer", schema: simple },
    );
  });

  test("that only Anthropic's models can use are left out, and the model is told", () => {
    const custom = [{ name: "Bash", type: "custom" }, { name: "Grep", type: null }] as Tool[];

    const chat = translated({ system: "Rules", tools: [search, ...tools, ...custom, editor] });

    const [instructions] = chat.messages;
    assertEquals(chat.tools?.map((tool) => tool.function.name), ["Bash", "Grep", "Read"]);
    assert(String(instructions?.content).startsWith("Rules\n\nThese tools cannot be used here: "));
    assert(String(instructions?.content).includes("str_replace_based_edit_tool, web_search."));
  });

  test("are not missed when there are none, nor a search for tools that are all there", () => {
    const searched = {
      system: "Rules",
      tools: [
        { name: "tool_search_tool_regex", type: "tool_search_tool_regex_20251119" },
        { name: "Later", defer_loading: true },
      ],
    };

    const chats = [translated({ system: "Rules", tools }), translated(searched)];

    assertEquals(chats.map(({ messages }) => messages[0]?.content), ["Rules", "Rules"]);
    assertEquals(chats[1]?.tools?.map((tool) => tool.function.name), ["Later"]);
  });
});

describe("the tool choice", () => {
  const choices = [
    ["auto", { type: "auto" }, undefined],
    ["any", { type: "any" }, "required"],
    ["tool", { type: "tool", name: "Read" }, { type: "function", function: { name: "Read" } }],
  ] as const;
  for (const [name, tool_choice, expected] of choices) {
    test(`${name} is handed on`, () => {
      assertEquals(translated({ tools, tool_choice }).tool_choice, expected);
    });
  }

  test("can be a deferred tool, which is there then", () => {
    const later = { name: "Grep", defer_loading: true };

    const chat = translated({
      tools: [later, ...tools],
      tool_choice: { type: "tool", name: "Grep" },
    });

    assertEquals(chat.tools?.map((tool) => tool.function.name), ["Read", "Grep"]);
  });

  test("is dropped with the last tool", () => {
    const { tools: left, tool_choice } = translated({
      tools: [search],
      tool_choice: { type: "auto", disable_parallel_tool_use: true },
    });

    assertEquals([left, tool_choice], [undefined, undefined]);
  });

  const refused: readonly [string, readonly Tool[], MessagesRequest["tool_choice"]][] = [
    ['there is no tool "Write"', tools, { type: "tool", name: "Write" }],
    ['"web_search" is Anthropic\'s', [search, ...tools], { type: "tool", name: "web_search" }],
    ["there is no tool that can be called", [search], { type: "any" }],
  ];
  for (const [reason, given, tool_choice] of refused) {
    test(`is refused when ${reason}`, () => {
      const error = assertThrows(
        () => translated({ tools: given, tool_choice, system: [text("Rules")] } as never),
        ProxyError,
        reason,
      );

      assertEquals([error.status, error.final], [400, true]);
    });
  }
});
