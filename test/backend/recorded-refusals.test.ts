import { describe, test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { toProxyError } from "../../src/backend/refusal/upstream-error.ts";
import { type RecordedAnswer, recordedAnswers } from "../support/recorded-server.ts";

/** Who looks before reading, and how much it takes. */
const windows: readonly [string, number][] = [
  ["ours", 131_072],
  ["llama-cpp", 65_536],
  ["rapid-mlx", 131_072],
];

describe("a real server's refusal", () => {
  for (const [server, window] of windows) {
    test(`of a prompt that is too long, by ${server}, gets the words on which the client compacts`, () => {
      const error = refusal(recordedAnswers(server)["too long"]);

      assertEquals([error.type, error.status], ["invalid_request_error", 400]);
      assertEquals(error.message, `prompt is too long: 140008 tokens > ${window} maximum`);
    });
  }

  for (const server of ["ours", "llama-cpp", "rapid-mlx"]) {
    test(`of a request without its key, by ${server}, names our setting at once`, () => {
      const error = refusal(recordedAnswers(server)["no key"]);

      assertEquals([error.status, error.final], [403, true]);
      assertStringIncludes(error.message, "OPENAI_API_KEY");
    });
  }

  for (const server of ["mlx-lm", "rapid-mlx", "ollama"]) {
    test(`of a model that it does not have, by ${server}, is said as it is`, () => {
      const error = refusal(recordedAnswers(server)["no such model"]);

      assertEquals([error.type, error.status], ["not_found_error", 404]);
    });
  }
});

function refusal(answer: RecordedAnswer | undefined) {
  if (!answer) throw new Error("Not recorded");
  const body: unknown = JSON.parse(answer.body);
  const { "retry-after": retryAfter = null } = answer.headers;
  return toProxyError({ status: answer.status, body, retryAfter, keySetting: "OPENAI_API_KEY" });
}
