import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import type { ChatChunk } from "../../src/protocol/openai.ts";
import {
  countsIn,
  type TokenCounts,
  toUsage,
  withCounts,
} from "../../src/translate/answer/usage.ts";

const odd = (usage: unknown) => ({ usage }) as ChatChunk;

/** Chunks of one answer, and the client's counts: not cached, read, written, output. */
const reports: readonly (readonly [string, ChatChunk[], number[]])[] = [
  ["nothing", [{}], [0, 0, 0, 0]],
  ["the prompt alone", [{ usage: { prompt_tokens: 9 } }], [9, 0, 0, 0]],
  ["OpenAI's details", [
    {
      usage: {
        prompt_tokens: 9,
        completion_tokens: 2,
        prompt_tokens_details: { cached_tokens: 4 },
      },
    },
  ], [5, 4, 0, 2]],
  ["LiteLLM's names", [
    odd({ prompt_tokens: 9, cache_read_input_tokens: 4, cache_creation_input_tokens: 3 }),
  ], [2, 4, 3, 0]],
  ["more cached than there is", [odd({ prompt_tokens: 9, cached_tokens: 20 })], [0, 9, 0, 0]],
  ["more written than there is", [
    odd({ prompt_tokens: 9, cached_tokens: 4, cache_creation_input_tokens: 9 }),
  ], [0, 4, 5, 0]],
  ["growing counts", [
    odd({ prompt_tokens: 9, completion_tokens: 1 }),
    odd({ completion_tokens: 2 }),
  ], [9, 0, 0, 2]],
  ["zeros at the end", [
    odd({ prompt_tokens: 9, completion_tokens: 2 }),
    odd({ prompt_tokens: 0, completion_tokens: 0 }),
  ], [9, 0, 0, 2]],
  ["usage and timings", [
    {
      usage: { prompt_tokens: 9, completion_tokens: 2 },
      timings: { cache_n: 4, prompt_n: 5, predicted_n: 2 },
    },
  ], [5, 4, 0, 2]],
  ["what are no counts", [odd({ prompt_tokens: "9", completion_tokens: -1, cached_tokens: 0.5 })], [
    0,
    0,
    0,
    0,
  ]],
  ["what is no usage", [odd("9"), odd(true), odd([])], [0, 0, 0, 0]],
];

describe("usage", () => {
  for (const [name, chunks, expected] of reports) {
    test(`is read from ${name}`, () => {
      const counts = chunks.reduce<TokenCounts>(
        (before, chunk) => withCounts(before, countsIn(chunk) ?? {}),
        {},
      );

      const usage = toUsage(counts, { createsCache: false });

      assertEquals([
        usage.input_tokens,
        usage.cache_read_input_tokens,
        usage.cache_creation_input_tokens,
        usage.output_tokens,
      ], expected);
    });
  }

  test("of a server that keeps what it computes leaves nothing uncached", () => {
    const usage = toUsage({ prompt: 9, read: 4 }, { createsCache: true });

    assertEquals([usage.input_tokens, usage.cache_creation_input_tokens], [0, 5]);
  });

  test("is not looked for in a chunk without any", () => {
    assertEquals(countsIn({ choices: [{ delta: { content: "Hi" } }] }), undefined);
  });
});
