import { describe, test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { toLesson } from "../../src/backend/refusal/adaptation.ts";
import { kindOf } from "../../src/backend/server-kinds.ts";
import { ProxyError } from "../../src/core/errors.ts";
import type { Log, LogFields } from "../../src/core/log.ts";
import type { MessagesRequest } from "../../src/protocol/anthropic.ts";
import type { ChatRequest } from "../../src/protocol/openai.ts";
import type { Dialect } from "../../src/translate/dialect.ts";
import { question } from "../support/proxy.ts";
import { callOf, streamed, text, upstream, type UpstreamCall } from "../support/upstream.ts";

const usual: Dialect = kindOf("other").dialect;
const openai: Dialect = kindOf("openai").dialect;

/** A request with everything that may be left out. */
const everything: ChatRequest = {
  model: "m",
  messages: [
    {
      role: "user",
      content: [{ type: "image_url", image_url: { url: "data:image/png;base64,x" } }],
    },
    { role: "assistant", content: "Yes", reasoning_content: "Hm" },
    { role: "user", content: "And?" },
  ],
  tools: [{ type: "function", function: { name: "Read", parameters: { type: "object" } } }],
  tool_choice: "required",
  parallel_tool_calls: false,
  max_tokens: 32_000,
  temperature: 0.2,
  top_p: 0.9,
  top_k: 40,
  reasoning_effort: "high",
  prompt_cache_key: "s-1",
  stop: ["END"],
  response_format: { type: "json_schema" },
  stream: true,
  stream_options: { include_usage: true },
};
const newer: ChatRequest = { ...everything, max_completion_tokens: 32_000 };

/** Refusals in the words of their servers, and what is to be learned from each. */
const refusals: readonly [
  server: string,
  message: string,
  lesson: Partial<Dialect> | undefined,
  known?: Dialect,
][] = [
  ["OpenAI", "Unrecognized request argument supplied: top_k", { takesTopK: false }],
  ["OpenAI, newer", "Unknown parameter: 'top_k'.", { takesTopK: false }],
  [
    "Azure, older",
    "Unrecognized request argument supplied: prompt_cache_key",
    { without: ["prompt_cache_key"] },
  ],
  [
    "Mistral",
    `[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]`,
    { without: ["stream_options"] },
  ],
  [
    "FastAPI",
    `[{"loc":["body","top_k"],"msg":"extra fields not permitted","type":"value_error.extra"}]`,
    { takesTopK: false },
  ],
  [
    "OpenAI's reasoning models",
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use " +
    "'max_completion_tokens' instead.",
    { outputLimit: "max_completion_tokens" },
  ],
  [
    "a server that knows the old name only",
    "max_completion_tokens: Extra inputs are not permitted",
    { outputLimit: "max_tokens" },
    openai,
  ],
  [
    "OpenAI",
    "max_tokens is too large: 32000. This model supports at most 16384 completion tokens, whereas " +
    "you provided 32000.",
    { mostOutputTokens: 16_384 },
  ],
  [
    "DeepSeek",
    "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]",
    { mostOutputTokens: 8192 },
  ],
  [
    "Groq",
    "`max_completion_tokens` must be less than or equal to `8192`, the maximum value for " +
    "`max_completion_tokens` is less than the `context_window` for this model",
    { mostOutputTokens: 8192 },
    openai,
  ],
  ["Qwen", "Range of max_tokens should be [1, 8192]", { mostOutputTokens: 8192 }],
  [
    "OpenAI's reasoning models",
    "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) " +
    "value is supported.",
    { without: ["temperature"] },
  ],
  [
    "OpenAI's reasoning models",
    "Unsupported parameter: 'stop' is not supported with this model.",
    { without: ["stop"] },
  ],
  [
    "OpenAI's reasoning models",
    "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.",
    { without: ["parallel_tool_calls"] },
  ],
  [
    "Groq",
    "This model does not support response format `json_schema`. See supported models at",
    { without: ["response_format"] },
  ],
  [
    "LM Studio",
    "Invalid tool_choice type: 'object'. Supported string values: none, auto, required",
    { without: ["tool_choice"] },
  ],
  ["Ollama", `"gemma3:4b" does not support thinking`, { without: ["reasoning_effort"] }],
  ["OpenAI", "Unrecognized request argument supplied: reasoning_effort", {
    without: ["reasoning_effort"],
  }],
  ["DeepSeek", "deepseek-reasoner does not support this parameter: tool_choice", {
    without: ["tool_choice"],
  }],
  [
    "Groq",
    "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' : property " +
    "'reasoning_content' is unsupported)]",
    { thinking: undefined },
  ],
  [
    "DeepSeek, thinking",
    "The `reasoning_content` in the thinking mode must be passed back to the API.",
    { thinking: "reasoning_content" },
    { ...usual, thinking: "reasoning" },
  ],
  [
    "Mistral's chat template",
    "Conversation roles must alternate user/assistant/user/assistant/...",
    { strictTurns: true },
  ],
  [
    "Gemma's chat template",
    "After the optional system message, conversation roles must alternate user/assistant",
    { strictTurns: true },
  ],
  ["Mistral", "Unexpected role 'user' after role 'tool'", { strictTurns: true }],
  [
    "llama.cpp",
    "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
    { seesImages: false },
  ],
  ["mlx_lm.server", "Only 'text' content type is supported.", { seesImages: false }],
  ["vLLM", "At most 0 image(s) may be provided in one prompt.", { seesImages: false }],
  ["OpenRouter", "No endpoints found that support image input", { seesImages: false }],
  [
    "LM Studio",
    "Model does not support images. Please use a model that does.",
    { seesImages: false },
  ],
  [
    "DeepSeek",
    "Failed to deserialize the JSON body: messages[0]: unknown variant `image_url`, expected `text`",
    { seesImages: false },
  ],
  [
    "OpenAI",
    "Invalid content type. image_url is only supported by certain models.",
    { seesImages: false },
  ],
  [
    "OpenAI of a broken picture",
    "Unsupported image format: image/tiff is not supported",
    undefined,
  ],
  ["OpenAI of a large picture", "The image size is not supported: 30 MB", undefined],
  ["llama.cpp", "failed to parse grammar", { simpleSchemas: true }],
  [
    "llama.cpp",
    `JSON schema conversion failed: Unrecognized schema: {"not":{}}`,
    { simpleSchemas: true },
  ],
  [
    "vLLM",
    "The provided JSON schema contains features not supported by xgrammar.",
    { simpleSchemas: true },
  ],
  [
    "OpenAI",
    "Invalid schema for function 'Read': In context=(), 'propertyNames' is not permitted.",
    { simpleSchemas: true },
  ],
  [
    "Gemini's OpenAI endpoint",
    `Invalid JSON payload received. Unknown name "$schema" at 'tools[0].function_declarations[0].parameters': Cannot find field.`,
    { simpleSchemas: true },
  ],
  [
    "vLLM without a tool parser",
    `"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set`,
    undefined,
  ],
  ["a model that stopped", "The model stopped because it was unloaded", undefined],
  ["an unknown failure", "Internal server error", undefined],
];

describe("a refusal", () => {
  for (const [server, message, lesson, known = usual] of refusals) {
    const learned = lesson ? Object.keys(lesson).join() : "nothing";
    test(`by ${server} teaches ${learned}: ${message.slice(0, 60)}`, () => {
      const sent = known.outputLimit === "max_tokens" ? everything : newer;

      assertEquals(toLesson({ message, sent, dialect: known }), lesson);
    });
  }

  test("teaches nothing about what was not sent", () => {
    const bare: ChatRequest = {
      model: "m",
      messages: [{ role: "user", content: "Hi" }],
      max_tokens: 100,
      stream: true,
      stream_options: { include_usage: true },
    };

    for (const [, message, lesson, known = usual] of refusals) {
      const learned = toLesson({ message, sent: bare, dialect: known });
      const isAlways = "outputLimit" in (lesson ?? {}) || "strictTurns" in (lesson ?? {}) ||
        lesson?.thinking !== undefined || lesson?.without?.[0] === "stream_options";
      if (!isAlways) assertEquals(learned, undefined, message);
    }
  });

  test("teaches nothing that is known", () => {
    const known: Dialect = {
      ...usual,
      ...{ seesImages: false, takesTopK: false, strictTurns: true, simpleSchemas: true },
      ...{ mostOutputTokens: 4096, without: ["stop", "temperature"] },
    };
    const { top_k: _, ...sent } = everything;

    for (
      const message of [
        "image input is not supported",
        "Unknown parameter: 'top_k'",
        "roles must alternate",
        "failed to parse grammar",
        "the valid range of max_tokens is [1, 8192]",
        "Unsupported parameter: 'stop' is not supported",
      ]
    ) assertEquals(toLesson({ message, sent, dialect: known }), undefined, message);
  });
});

const asking: MessagesRequest = { ...question, top_k: 40, temperature: 0.5 };

describe("a server that refuses something optional", () => {
  test("is asked again at once without it, and from then on", async () => {
    const { calls, warnings, ask } = server(({ body }) => refusal(body, "top_k"));

    const first = await ask();
    const second = await ask();

    assertEquals([first, second], ["Hi", "Hi"]);
    assertEquals(calls.map(({ body }) => "top_k" in body), [true, false, false]);
    assertEquals(warnings, [{ lesson: "takesTopK=false" }]);
  });

  test("may refuse in its first chunk too", async () => {
    const { calls, ask } = server(({ body }) =>
      "top_k" in body
        ? streamed([{ error: { message: "Unknown parameter: 'top_k'.", code: 400 } }])
        : undefined
    );

    assertEquals(await ask(), "Hi");
    assertEquals(calls.length, 2);
  });

  test("may refuse one thing after the other", async () => {
    const { calls, warnings, ask } = server(({ body }) =>
      refusal(body, "top_k") ?? refusal(body, "max_tokens")
    );

    assertEquals(await ask(), "Hi");
    assertEquals(calls.map(({ body }) => [body["top_k"], body["max_completion_tokens"]]), [
      [40, undefined],
      [undefined, undefined],
      [undefined, 100],
    ]);
    assertEquals(warnings.length, 2);
  });

  test("is asked for no more than it gives", async () => {
    const { calls, ask } = server(({ body }) =>
      Number(body["max_tokens"]) > 50 ? refuse("Range of max_tokens should be [1, 50]") : undefined
    );

    assertEquals(await ask(), "Hi");
    assertEquals(calls.map(({ body }) => body["max_tokens"]), [100, 50]);
  });

  test("that goes on refusing is believed once, and nothing is remembered", async () => {
    const { calls, warnings, ask } = server(() => refuse("Unknown parameter: 'top_k'."));

    await assertRejects(ask, ProxyError, "Unknown parameter");
    await assertRejects(ask, ProxyError, "Unknown parameter");

    assertEquals(calls.map(({ body }) => "top_k" in body), [true, false, true, false]);
    assertEquals(warnings, []);
  });

  test("does not make us run in circles", async () => {
    const { calls, ask } = server(({ body }) =>
      refusal(body, "max_tokens") ?? refusal(body, "max_completion_tokens")
    );

    await assertRejects(ask, ProxyError, "max_tokens");

    assertEquals(calls.length, 3);
  });

  for (const status of [401, 413, 429, 503]) {
    test(`is not asked again when it only says so with a ${status}`, async () => {
      const { calls, ask } = server(() => refuse("Unknown parameter: 'top_k'.", status));

      await assertRejects(ask, ProxyError);

      assertEquals(calls.length, 1);
    });
  }

  test("is not asked again once it has begun to answer", async () => {
    const { calls, ask } = server(() =>
      streamed([text("Hi"), { error: { message: "Unknown parameter: 'top_k'.", code: 400 } }])
    );

    await assertRejects(ask, ProxyError, "Unknown parameter");

    assertEquals(calls.length, 1);
  });

  test("teaches all requests that are under way, and is noted once", async () => {
    const { warnings, ask } = server(({ body }) => refusal(body, "top_k"));

    const said = await Promise.all([ask(), ask(), ask()]);

    assertEquals([said, warnings.length], [["Hi", "Hi", "Hi"], 1]);
  });
});

/** A server that answers Hi unless `answer` says otherwise. */
function server(answer: (call: UpstreamCall) => Response | undefined) {
  const warnings: (LogFields | undefined)[] = [];
  const log: Log = { debug() {}, info() {}, warn: (_, fields) => void warnings.push(fields) };
  const { calls, backend } = upstream(
    (call) => answer(call) ?? streamed([text("Hi", "stop")]),
    { log },
  );
  const ask = async () => {
    const events = await Array.fromAsync(backend.stream(asking, callOf()));
    return events.map((event) =>
      event.type === "content_block_delta" && event.delta.type === "text_delta"
        ? event.delta.text
        : ""
    ).join("");
  };
  return { calls, warnings, ask };
}

function refusal(body: UpstreamCall["body"], parameter: string): Response | undefined {
  assert(body["stream"] === true);
  if (!(parameter in body)) return undefined;
  return refuse(`Unsupported parameter: '${parameter}' is not supported with this model.`);
}

function refuse(message: string, status = 400): Response {
  return Response.json({ error: { message } }, { status });
}
