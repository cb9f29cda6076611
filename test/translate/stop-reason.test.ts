import { describe, test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { ProxyError } from "../../src/core/errors.ts";
import {
  checkFinishReason,
  isCutShort,
  toStopReason,
} from "../../src/translate/answer/stop-reason.ts";

const plain = { calls: 0, hasRefused: false, stopSequence: null };

describe("a stop reason", () => {
  const reasons = {
    end_turn: [
      "stop",
      "STOP",
      "eos",
      "eos_token",
      "end_turn",
      "complete",
      "tool_calls",
      "anything",
    ],
    max_tokens: [
      "length",
      "LENGTH",
      "max_tokens",
      "MAX_TOKENS",
      "max_output_tokens",
      "model_length",
    ],
    refusal: ["content_filter", "SAFETY", "refusal", "sensitive", "RECITATION"],
  };
  for (const [expected, words] of Object.entries(reasons)) {
    for (const word of words) {
      test(`is ${expected} where a server says ${word}`, () => {
        assertEquals(toStopReason(word, plain), expected);
      });
    }
  }

  test("is tool_use whenever a call was made", () => {
    for (const word of ["stop", "tool_calls", "function_call", "tool_use", "eos"]) {
      assertEquals(toStopReason(word, { ...plain, calls: 1 }), "tool_use");
    }
  });

  test("is max_tokens although a call was begun", () => {
    assertEquals([toStopReason("length", { ...plain, calls: 1 }), isCutShort("length")], [
      "max_tokens",
      true,
    ]);
  });

  test("names the sequence that was met, unless something weighs more", () => {
    const met = { ...plain, stopSequence: "END" };

    assertEquals(toStopReason("stop", met), "stop_sequence");
    assertEquals(toStopReason("length", met), "max_tokens");
    assertEquals(toStopReason("stop", { ...met, calls: 1 }), "tool_use");
  });

  test("is refusal where the model said so in words", () => {
    assertEquals(toStopReason("stop", { ...plain, hasRefused: true }), "refusal");
  });
});

describe("an answer that its server gave up", () => {
  for (const word of ["abort", "error", "network_error", "insufficient_system_resource"]) {
    test(`is an error on which the client tries again: ${word}`, () => {
      const error = assertThrows(() => checkFinishReason(word), ProxyError, word);

      assertEquals(error.type, "overloaded_error");
    });
  }
});
