import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { toProxyError } from "../../src/backend/upstream-error.ts";

const numbers = "prompt is too long: 9000 tokens > 8192 maximum";

/** Each server's own words, as it sends them; the client compacts only on Anthropic's. */
const overflows: readonly [string, number | undefined, unknown, string][] = [
  [
    "ours",
    400,
    {
      error: {
        message: "The prompt does not fit",
        code: "context_length_exceeded",
        prompt_tokens: 9000,
        max_tokens: 8192,
      },
    },
    numbers,
  ],
  [
    "OpenAI",
    400,
    {
      error: {
        message:
          "This model's maximum context length is 8192 tokens. However, your messages resulted " +
          "in 9000 tokens. Please reduce the length of the messages.",
        type: "invalid_request_error",
        code: "context_length_exceeded",
      },
    },
    numbers,
  ],
  [
    "llama.cpp",
    400,
    {
      error: {
        code: 400,
        message: "the request exceeds the available context size, try increasing it",
        type: "exceed_context_size_error",
        n_prompt_tokens: 9000,
        n_ctx: 8192,
      },
    },
    numbers,
  ],
  [
    "OpenRouter, in mid-stream",
    undefined,
    {
      error: {
        message: "This endpoint's maximum context length is 8192 tokens. However, you requested " +
          "about 9000 tokens",
        code: 400,
      },
    },
    numbers,
  ],
  [
    "Ollama",
    400,
    { error: "prompt too long; exceeded max context length by 808 tokens" },
    "prompt is too long",
  ],
  [
    "SGLang",
    400,
    {
      object: "error",
      message: "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
    },
    numbers,
  ],
  [
    "LM Studio",
    400,
    {
      error: "Trying to keep the first 9000 tokens when context the overflows. However, the " +
        "model is loaded with context length of only 8192 tokens, which is not enough.",
    },
    numbers,
  ],
  [
    "vLLM when only the answer does not fit",
    400,
    {
      message: "This model's maximum context length is 32768 tokens. However, you requested " +
        "44000 tokens (12000 in the messages, 32000 in the completion).",
    },
    "input length and `max_tokens` exceed context limit: 12000 + 32000 > 32768",
  ],
  [
    "vLLM, newer, when only the answer does not fit",
    400,
    {
      error: {
        message: "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's " +
          "maximum context length is 40960 tokens and your request has 12000 input tokens " +
          "(32000 > 40960 - 12000).",
      },
    },
    "input length and `max_tokens` exceed context limit: 12000 + 32000 > 40960",
  ],
];

/** Status, what the client gets, and whether it may try again. */
const failures: readonly [number | undefined, string, number, boolean][] = [
  [400, "invalid_request_error", 400, false],
  [401, "invalid_request_error", 400, false],
  [403, "invalid_request_error", 400, false],
  [404, "not_found_error", 404, false],
  [422, "invalid_request_error", 400, false],
  [429, "rate_limit_error", 429, true],
  [500, "api_error", 500, true],
  [502, "overloaded_error", 529, true],
  [503, "overloaded_error", 529, true],
  [504, "overloaded_error", 529, true],
  [undefined, "api_error", 500, true],
];

describe("toProxyError", () => {
  for (const [server, status, body, expected] of overflows) {
    test(`says in Anthropic's words that a prompt is too long for ${server}`, () => {
      const error = failure({ status, body });

      assertEquals([error.type, error.status], ["invalid_request_error", 400]);
      assert(error.message.startsWith(expected), error.message);
    });
  }

  for (const [status, type, expected, mayRetry] of failures) {
    test(`turns ${status ?? "an error in mid-stream"} into ${type}`, () => {
      const error = failure({ status, body: { error: { message: "No" } } });

      assertEquals([error.type, error.status, !error.final], [type, expected, mayRetry]);
    });
  }

  test("does not take a quota for a long prompt", () => {
    const body = { error: { message: "This request exceeds your tokens per minute limit" } };

    assertEquals(failure({ status: 429, body }).type, "rate_limit_error");
  });

  test("keeps when to try again", () => {
    assertEquals(failure({ status: 429, retryAfter: "7" }).retryAfterSeconds, 7);
    assertEquals(failure({ status: 503, retryAfter: "2" }).retryAfterSeconds, 2);
    assertEquals(failure({ status: 503 }).retryAfterSeconds, undefined);
  });

  test("says of a model that cannot be loaded that asking again is useless", () => {
    const body = (code: string) => ({ error: { message: "No", code } });

    assert(failure({ status: 503, body: body("model_failed") }).final);
    assert(!failure({ status: 503, body: body("loading") }).final);
  });

  test("names our setting when the key is refused, and repeats nothing of the answer", () => {
    const body = { error: { message: "Incorrect API key provided: sk-secret" } };

    const { message } = failure({ status: 401, body });

    assertEquals(message, "The model server refused our key (401): check OPENAI_API_KEY");
  });

  const wordings: readonly [unknown, string][] = [
    [{ error: { message: "Broken", code: "bad" } }, "Broken (bad)"],
    [{ error: "Broken" }, "Broken"],
    [{ message: "Broken" }, "Broken"],
    [{ detail: "Broken" }, "Broken"],
    ["Broken", "Broken"],
    ["<html><body>502</body></html>", "The model server failed without a reason"],
    ["", "The model server failed without a reason"],
    [null, "The model server failed without a reason"],
  ];
  for (const [body, expected] of wordings) {
    test(`finds the words in ${JSON.stringify(body)}`, () => {
      assertEquals(failure({ status: 500, body }).message, expected);
    });
  }
});

function failure(
  known: { status?: number | undefined; body?: unknown; retryAfter?: string },
) {
  const { status, body = { error: { message: "No" } }, retryAfter = null } = known;
  return toProxyError({ status, body, retryAfter, keySetting: "OPENAI_API_KEY" });
}
