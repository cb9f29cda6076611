import { describe, test } from "node:test";
import { assertEquals, assertNotEquals } from "@std/assert";
import { toErrorWords } from "../../src/backend/refusal/error-words.ts";
import { toOverflow } from "../../src/backend/refusal/overflow.ts";
import { toProxyError } from "../../src/backend/refusal/upstream-error.ts";

const tooLong = "prompt is too long: 9000 tokens > 8192 maximum";
const tooMuch = "input length and `max_tokens` exceed context limit: 12000 + 32000 > 40960";
const unknown = "prompt is too long";

interface Overflowing {
  readonly server: string;
  /** Undefined in mid-stream. */
  readonly status?: number | undefined;
  readonly body: unknown;
  readonly said: string;
}

/** OpenAI's shape. */
function error(message: string, more: object = {}) {
  return { error: { message, type: "invalid_request_error", param: null, ...more } };
}

/** The flat shape of SGLang and of vLLM before 0.10. */
function flat(message: string) {
  return { object: "error", message, type: "BadRequestError", param: null, code: 400 };
}

/** Each server's own words, as it sends them; the client compacts only on Anthropic's. */
const overflows: readonly Overflowing[] = [
  {
    server: "ours",
    body: error("The prompt does not fit", {
      ...{ code: "context_length_exceeded", prompt_tokens: 9000, max_tokens: 8192 },
    }),
    said: tooLong,
  },
  {
    server: "OpenAI",
    body: error(
      "This model's maximum context length is 8192 tokens. However, your messages resulted in " +
        "9000 tokens. Please reduce the length of the messages.",
      { code: "context_length_exceeded" },
    ),
    said: tooLong,
  },
  {
    server: "OpenAI, with tools",
    body: error(
      "This model's maximum context length is 8192 tokens. However, your messages resulted in " +
        "9000 tokens (8500 in the messages, 500 in the functions). Please reduce the length of " +
        "the messages or functions.",
    ),
    said: tooLong,
  },
  {
    server: "OpenAI, of newer models",
    body: error(
      "Input tokens exceed the configured limit of 8192 tokens. Your messages resulted in 9000 " +
        "tokens. Please reduce the length of the messages.",
      { code: "context_length_exceeded" },
    ),
    said: tooLong,
  },
  {
    server: "OpenAI, without numbers",
    body: error("Your input exceeds the context window of this model. Please adjust your input"),
    said: unknown,
  },
  {
    server: "OpenAI and DeepSeek when only the answer does not fit",
    body: error(
      "This model's maximum context length is 40960 tokens. However, you requested 44000 tokens " +
        "(12000 in the messages, 32000 in the completion). Please reduce the length of the " +
        "messages or completion.",
    ),
    said: tooMuch,
  },
  {
    server: "Azure",
    body: { error: { code: "context_length_exceeded", message: "Too many.", status: 400 } },
    said: unknown,
  },
  {
    server: "vLLM 0.18 when only the answer does not fit",
    body: error(
      "This model's maximum context length is 40960 tokens. However, you requested 32000 output " +
        "tokens and your prompt contains 12000 input tokens, for a total of 44000 tokens. Please " +
        "reduce the length of the input prompt or the number of requested output tokens.",
      { param: "max_tokens", code: 400 },
    ),
    said: tooMuch,
  },
  {
    server: "vLLM 0.18 when it has stopped counting",
    body: error(
      "This model's maximum context length is 40960 tokens. However, you requested 32000 output " +
        "tokens and your prompt contains at least 8961 input tokens, for a total of at least " +
        "40961 tokens.",
    ),
    said: unknown,
  },
  {
    server: "vLLM 0.18 when it has only measured characters",
    body: error(
      "This model's maximum context length is 40960 tokens. However, you requested 32000 output " +
        "tokens and your prompt contains 9999999 characters (more than 1234567 characters, which " +
        "is the upper bound for 8960 input tokens).",
    ),
    said: unknown,
  },
  {
    server: "vLLM 0.16",
    body: error(
      "You passed 39000 input tokens and requested 32000 output tokens. However, the model's " +
        "context length is only 40960 tokens, resulting in a maximum input length of 8960 tokens.",
    ),
    said: "prompt is too long: 39000 tokens > 40960 maximum",
  },
  {
    server: "vLLM 0.16 when it has stopped counting",
    body: error(
      "You passed 8961 input tokens and requested 32000 output tokens. However, the model's " +
        "context length is only 40960 tokens, resulting in a maximum input length of 8960 tokens.",
    ),
    said: unknown,
  },
  {
    server: "vLLM 0.11 when only the answer does not fit",
    body: error(
      "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context " +
        "length is 40960 tokens and your request has 12000 input tokens (32000 > 40960 - 12000).",
    ),
    said: tooMuch,
  },
  {
    server: "vLLM 0.11",
    body: error(
      "This model's maximum context length is 8192 tokens. However, your request has 9000 input " +
        "tokens. Please reduce the length of the input messages.",
    ),
    said: tooLong,
  },
  {
    server: "vLLM before",
    body: flat(
      "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens in " +
        "the messages, Please reduce the length of the messages.",
    ),
    said: tooLong,
  },
  {
    server: "vLLM's engine",
    body: error(
      "The decoder prompt (length 9000) is longer than the maximum model length of 8192. Make " +
        "sure that `max_model_len` is no smaller than the number of text tokens.",
    ),
    said: tooLong,
  },
  {
    server: "SGLang",
    body: flat("The input (9000 tokens) is longer than the model's context length (8192 tokens)."),
    said: tooLong,
  },
  {
    server: "SGLang in mid-stream",
    status: undefined,
    body: {
      error: flat(
        "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
      ),
    },
    said: tooLong,
  },
  {
    server: "SGLang when only the answer does not fit",
    body: flat(
      "Requested token count exceeds the model's maximum context length of 40960 tokens. You " +
        "requested a total of 44000 tokens: 12000 tokens from the input messages and 32000 tokens " +
        "for the completion. Please reduce the number of tokens in the input messages or the " +
        "completion to fit within the limit.",
    ),
    said: tooMuch,
  },
  {
    server: "SGLang's scheduler",
    body: flat(
      "Input length (9000 tokens) exceeds the maximum allowed length (8192 tokens). Use a shorter " +
        "input or enable --allow-auto-truncate.",
    ),
    said: tooLong,
  },
  {
    server: "llama.cpp",
    body: {
      error: {
        code: 400,
        message: "request (9000 tokens) exceeds the available context size (8192 tokens), try " +
          "increasing it",
        type: "exceed_context_size_error",
        n_prompt_tokens: 9000,
        n_ctx: 8192,
      },
    },
    said: tooLong,
  },
  {
    server: "llama.cpp before, in mid-stream",
    status: undefined,
    body: {
      error: {
        code: 400,
        message: "the request exceeds the available context size. try increasing the context " +
          "size or enable context shift",
        type: "invalid_request_error",
      },
    },
    said: unknown,
  },
  {
    server: "llama.cpp for what it cannot split",
    status: 500,
    body: {
      error: {
        code: 500,
        message: "input (9000 tokens) is larger than the max context size (8192 tokens). skipping",
        type: "server_error",
      },
    },
    said: tooLong,
  },
  {
    server: "llama-cpp-python",
    body: error("Requested tokens (9000) exceed context window of 8192"),
    said: tooLong,
  },
  {
    server: "LM Studio 0.3",
    body: {
      error:
        "Trying to keep the first 9000 tokens when context the overflows. However, the model " +
        "is loaded with context length of only 8192 tokens, which is not enough. Try to load the " +
        "model with a larger context length, or provide a shorter input",
    },
    said: tooLong,
  },
  {
    server: "LM Studio's MLX engine, in mid-stream",
    status: undefined,
    body: {
      error: {
        message:
          "The number of tokens to keep from the initial prompt is greater than the context " +
          "length.",
      },
    },
    said: unknown,
  },
  {
    server: "LM Studio 0.4",
    body: { error: "Context size has been exceeded." },
    said: unknown,
  },
  {
    server: "Ollama",
    body: error(
      "the prompt is longer than the context length currently available to the model; shorten the " +
        "prompt, adjust the context length in settings, or use a model with a longer context length",
    ),
    said: unknown,
  },
  {
    server: "Ollama before",
    body: { error: "prompt too long; exceeded max context length by 808 tokens" },
    said: unknown,
  },
  {
    server: "OpenRouter",
    body: error(
      "This endpoint's maximum context length is 8192 tokens. However, you requested about 9500 " +
        "tokens (8000 of text input, 1000 of tool input, 500 in the output). Please reduce the " +
        "length of either one, or use the context-compression plugin.",
      { code: 400 },
    ),
    said: tooLong,
  },
  {
    server: "OpenRouter in mid-stream",
    status: undefined,
    body: error(
      "This endpoint's maximum context length is 8192 tokens. However, you requested about 9000 " +
        "tokens",
      { code: 400 },
    ),
    said: tooLong,
  },
  {
    server: "a provider behind OpenRouter",
    body: {
      error: {
        message: "Provider returned error",
        code: 400,
        metadata: {
          raw: JSON.stringify(
            flat(
              "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
            ),
          ),
          provider_name: "Together",
        },
      },
    },
    said: tooLong,
  },
  {
    server: "Text Generation Inference",
    status: 422,
    body: {
      error:
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 40960. Given: " +
        "12000 `inputs` tokens and 32000 `max_new_tokens`",
      error_type: "validation",
    },
    said: tooMuch,
  },
  {
    server: "Text Generation Inference, in mid-stream",
    status: undefined,
    body: {
      error: {
        message: "Input validation error: `inputs` must have less than 8192 tokens. Given: 9000",
        http_status_code: 422,
      },
    },
    said: tooLong,
  },
  {
    server: "Mistral",
    body: {
      object: "error",
      message: "Prompt contains 9000 tokens and 0 draft tokens, too large for model with 8192 " +
        "maximum context length",
      type: "invalid_request_error",
      code: "3051",
    },
    said: tooLong,
  },
  {
    server: "Gemini's OpenAI endpoint",
    body: [{
      error: {
        code: 400,
        message:
          "The input token count (9000) exceeds the maximum number of tokens allowed (8192).",
        status: "INVALID_ARGUMENT",
      },
    }],
    said: tooLong,
  },
  {
    server: "xAI",
    body: {
      code: "Client specified an invalid argument",
      error: "This model's maximum prompt length is 8192 but the request contains 9000 tokens.",
    },
    said: tooLong,
  },
  {
    server: "Groq",
    body: error("Please reduce the length of the messages or completion.", {
      code: "context_length_exceeded",
      param: "messages",
    }),
    said: unknown,
  },
  {
    server: "Cerebras",
    body: error(
      "Please reduce the length of the messages or completion. Current length is 9000 while limit " +
        "is 8192",
    ),
    said: tooLong,
  },
  {
    server: "Together",
    body: error("The input (9000 tokens) is longer than the model's context length (8192 tokens)."),
    said: tooLong,
  },
  {
    server: "Fireworks",
    body: error("The prompt is too long: 9000, model maximum context length: 8192"),
    said: tooLong,
  },
  {
    server: "Moonshot",
    body: error("Invalid request: Your request exceeded model token limit: 8192 (requested: 9000)"),
    said: tooLong,
  },
  {
    server: "GitHub Copilot",
    body: error("prompt token count of 9000 exceeds the limit of 8192", {
      code: "model_max_prompt_tokens_exceeded",
    }),
    said: tooLong,
  },
  {
    server: "GitHub Models",
    status: 413,
    body: error("Request body too large for gpt-4o model. Max size: 8000 tokens.", {
      code: "tokens_limit_reached",
    }),
    said: unknown,
  },
  {
    server: "a gateway that calls it too many requests",
    status: 429,
    body: error("This model's maximum prompt length is 8192 but the request contains 9000 tokens."),
    said: tooLong,
  },
  {
    server: "Qwen",
    body: error(
      "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 8192]",
    ),
    said: unknown,
  },
  {
    server: "MiniMax",
    body: error("invalid params, context window exceeds limit (2013)"),
    said: unknown,
  },
  { server: "Z.ai", body: error("Prompt exceeds max length", { code: "1261" }), said: unknown },
  {
    server: "Cohere",
    body: {
      message: "too many tokens: total number of tokens in the prompt exceeds the limit of 8192",
    },
    said: unknown,
  },
  { server: "Bedrock", body: error("Input is too long for requested model."), said: unknown },
  {
    server: "NVIDIA NIM",
    body: flat("max_tokens must be at least 1, got -21253."),
    said: unknown,
  },
  {
    server: "LiteLLM, in front of vLLM",
    body: error(
      "litellm.ContextWindowExceededError: litellm.BadRequestError: Hosted_vllmException - This " +
        "model's maximum context length is 8192 tokens. However, your request has 9000 input tokens.",
      { code: "400" },
    ),
    said: tooLong,
  },
  {
    server: "LiteLLM itself",
    body: error(
      "litellm._pre_call_checks: Context Window exceeded for given call. No models have context " +
        "window large enough for this call.",
    ),
    said: unknown,
  },
  {
    server: "Anthropic, behind a gateway",
    body: { type: "error", error: { type: "invalid_request_error", message: tooLong } },
    said: tooLong,
  },
];

/** What counts tokens too, and no shorter prompt would mend. */
const others: readonly [what: string, status: number | undefined, message: string][] = [
  [
    "a limit per minute in words of Groq's for both",
    undefined,
    "Rate limit reached on tokens per minute (TPM). Please reduce the length of the messages.",
  ],
  ["a rate limit", 429, "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000"],
  [
    "Groq's limit per minute",
    413,
    "Request too large for model `x` on tokens per minute (TPM): Limit 12000, Requested 15318, " +
    "please reduce your message size and try again.",
  ],
  ["a throttled account", 400, "Too many tokens per day, please wait before trying again."],
  [
    "an empty account",
    402,
    "This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, " +
    "but can only afford 8000.",
  ],
  ["a limit of the answer", 400, "max_tokens must be at least 1, got 0."],
  ["a limit of a text", 400, "string too long. Expected a string with maximum length 1048576"],
  ["a busy model", 503, "The model is overloaded: context switching"],
  ["a schema", 400, "Invalid schema: its context is longer than allowed"],
];

describe("a prompt that is too long", () => {
  for (const { server, body, said, ...rest } of overflows) {
    test(`is told in Anthropic's words when it is ${server} who says so`, () => {
      const status = "status" in rest ? rest.status : 400;

      const told = toProxyError({ status, body, retryAfter: null, keySetting: "KEY" });

      assertEquals([told.message, told.type, told.status, told.final], [
        said,
        "invalid_request_error",
        400,
        false,
      ]);
    });
  }

  for (const [what, status, message] of others) {
    test(`is not what ${what} is`, () => {
      const body = { error: { message } };

      const told = toProxyError({ status, body, retryAfter: null, keySetting: "KEY" });

      assertNotEquals(told.message.slice(0, 18), "prompt is too long");
      assertNotEquals(told.message.slice(0, 12), "input length");
    });
  }

  test("is told with the prompt alone where a server counts prompt and answer together", () => {
    const message = "maximum context length is 8192 tokens. However, you requested 9500 tokens " +
      "(9000 in the messages, 500 in the completion)";

    assertEquals(toOverflow(toErrorWords({ message })), {
      prompt: 9000,
      window: 8192,
      output: 500,
    });
  });
});
