import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { ProxyError } from "../../src/core/errors.ts";
import { toProxyError, type UpstreamFailure } from "../../src/backend/refusal/upstream-error.ts";

/** Status, what the client gets, and whether it may try again. */
const failures: readonly [number | undefined, string, number, boolean][] = [
  [400, "invalid_request_error", 400, false],
  [401, "permission_error", 403, false],
  [402, "billing_error", 402, false],
  [403, "permission_error", 403, false],
  [404, "not_found_error", 404, false],
  [408, "overloaded_error", 529, true],
  [413, "request_too_large", 413, true],
  [422, "invalid_request_error", 400, false],
  [429, "rate_limit_error", 429, true],
  [500, "api_error", 500, true],
  [502, "overloaded_error", 529, true],
  [503, "overloaded_error", 529, true],
  [504, "overloaded_error", 529, true],
  [529, "overloaded_error", 529, true],
  [undefined, "api_error", 500, true],
];

/** Answers that say more than their status does. */
const telling: readonly [what: string, Partial<UpstreamFailure>, string, boolean][] = [
  [
    "an error in mid-stream with a status of its own",
    { status: undefined, body: { error: { message: "Slow down", code: 429 } } },
    "rate_limit_error",
    true,
  ],
  [
    "a refusal that comes as 500",
    { status: 500, body: { error: { message: "Bad tool", type: "invalid_request_error" } } },
    "invalid_request_error",
    false,
  ],
  [
    "a quota that is used up",
    { status: 429, body: { error: { message: "Check your plan", code: "insufficient_quota" } } },
    "rate_limit_error",
    false,
  ],
  [
    "a request that no minute has room for",
    {
      status: 429,
      body: {
        error: {
          message: "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested " +
            "43000.",
        },
      },
    },
    "rate_limit_error",
    false,
  ],
  [
    "a request that the next minute has room for",
    {
      status: 429,
      body: {
        error: { message: "Request too large for now (TPM): Limit 30000, Requested 12000." },
      },
    },
    "rate_limit_error",
    true,
  ],
  [
    "a request larger than Groq's minute",
    {
      status: 413,
      body: { error: { message: "Request too large on tokens per minute (TPM): Limit 12000" } },
    },
    "rate_limit_error",
    false,
  ],
  [
    "a model of ours that cannot be loaded",
    { status: 503, body: { error: { message: "No", code: "model_failed" } } },
    "api_error",
    false,
  ],
  [
    "a model that is still being loaded",
    {
      status: 503,
      body: { error: { message: "Loading model", type: "unavailable_error", code: 503 } },
    },
    "overloaded_error",
    true,
  ],
  [
    "a path that is not there",
    { status: 404, body: "404 page not found" },
    "invalid_request_error",
    false,
  ],
  [
    "a path that FastAPI does not have",
    { status: 404, body: { detail: "Not Found" } },
    "invalid_request_error",
    false,
  ],
];

describe("toProxyError", () => {
  for (const [status, type, expected, mayRetry] of failures) {
    test(`turns ${status ?? "an error in mid-stream"} into ${type}`, () => {
      const error = failure({ status, body: { error: { message: "No" } } });

      assertEquals([error.type, error.status, !error.final], [type, expected, mayRetry]);
    });
  }

  for (const [what, known, type, mayRetry] of telling) {
    test(`turns ${what} into ${type}${mayRetry ? "" : ", and no more is asked"}`, () => {
      const error = failure(known);

      assertEquals([error.type, !error.final], [type, mayRetry]);
    });
  }

  const keys: readonly [boolean | undefined, string][] = [
    [true, "The model server at http://h refused our key (401): check OPENAI_API_KEY"],
    [false, "The model server at http://h wants a key (401): set OPENAI_API_KEY"],
  ];
  for (const [hasKey, expected] of keys) {
    test(`names our setting where a key is ${hasKey ? "refused" : "missing"}, and repeats nothing`, () => {
      const body = { error: { message: "Incorrect API key provided: sk-secret" } };

      const { message } = failure({
        status: 401,
        body,
        server: "http://h",
        hasKey: hasKey ?? true,
      });

      assertEquals(message, expected);
    });
  }

  test("names the server that wants to be paid, and what it says", () => {
    const body = { error: { message: "Insufficient credits. Add more", code: 402 } };

    const { message } = failure({ status: 402, body, server: "https://openrouter.ai/api" });

    assertEquals(
      message,
      "The model server at https://openrouter.ai/api wants to be paid: Insufficient credits. Add " +
        "more (402)",
    );
  });

  const wordings: readonly [unknown, string][] = [
    [{ error: { message: "Broken", code: "bad" } }, "Broken (bad)"],
    [{ error: { message: "Broken (bad)", code: "bad" } }, "Broken (bad)"],
    [{ error: "Broken" }, "Broken"],
    [{ message: "Broken" }, "Broken"],
    [{ detail: "Broken" }, "Broken"],
    [[{ error: { message: "Broken" } }], "Broken"],
    ["Broken", "Broken"],
    [
      {
        detail: [{ loc: ["body", "top_k"], msg: "extra fields not permitted", input: "secret" }],
      },
      `[{"loc":["body","top_k"],"msg":"extra fields not permitted"}]`,
    ],
    [
      { error: { message: "Provider returned error", metadata: { raw: "overheated" } } },
      "Provider returned error: overheated",
    ],
    ["<html><body>502</body></html>", "The model server failed without a reason (500)"],
    ["", "The model server failed without a reason (500)"],
    [null, "The model server failed without a reason (500)"],
  ];
  for (const [body, expected] of wordings) {
    test(`finds the words in ${JSON.stringify(body)}`, () => {
      assertEquals(failure({ status: 500, body }).message, expected);
    });
  }
});

describe("when to ask again", () => {
  const receivedAt = Date.UTC(2026, 10, 26, 12, 0, 0);
  const hints: readonly [string | null, string, number | undefined][] = [
    ["7", "", 7],
    ["0.5", "", 1],
    ["Thu, 26 Nov 2026 12:00:30 GMT", "", 30],
    ["Thu, 26 Nov 2026 11:00:00 GMT", "", 0],
    ["soon", "Please try again in 20s. Visit", 20],
    [null, "Please try again in 1m2.5s.", 63],
    [null, "Please try again in 6ms", 1],
    [null, "Please retry in 37.2s.", 38],
    [null, "Retry after 2 seconds", 2],
    [null, "Please try again in a while", undefined],
    [null, "", undefined],
  ];
  for (const [retryAfter, message, expected] of hints) {
    test(`is ${expected ?? "unknown"} after ${JSON.stringify([retryAfter, message])}`, () => {
      const body = { error: { message } };

      const limited = failure({ status: 429, retryAfter, body, receivedAt });
      const busy = failure({ status: 503, retryAfter, body, receivedAt });

      assertEquals([limited.retryAfterSeconds, busy.retryAfterSeconds], [expected, expected]);
    });
  }

  test("is not said of what no waiting mends", () => {
    const error = failure({ status: 400, retryAfter: "7" });

    assert(error.final);
    assertEquals(error.retryAfterSeconds, undefined);
  });
});

function failure(known: Partial<UpstreamFailure>): ProxyError {
  return toProxyError({
    ...{ status: 500, body: { error: { message: "No" } } },
    ...{ retryAfter: null, keySetting: "OPENAI_API_KEY" },
    ...known,
  });
}
