import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { toPromptCost } from "../../src/monitor/cost.ts";

const none = { uncached: 0, read: 0, written5m: 0, written1h: 0 };
const day = (text: string) => Date.parse(text);

describe("the cost of a prompt", () => {
  test("is the guide's sample with right arithmetic", () => {
    const sample = { ...none, read: 45_000 };
    const of = (written: object) =>
      toPromptCost("claude-3-5-haiku-20241022", day("2026-01-01"), { ...sample, ...written });

    const fiveMinutes = of({ written5m: 80_000 });
    const oneHour = of({ written1h: 80_000 });

    assertEquals(fiveMinutes?.withoutCache.toFixed(6), "0.100000");
    assertEquals(fiveMinutes?.withCache.toFixed(6), "0.083600");
    assertEquals(oneHour?.withCache.toFixed(6), "0.131600");
  });

  test("is that of the newest row that has begun", () => {
    const read = { ...none, read: 1_000_000 };
    const of = (at: string) => toPromptCost("claude-sonnet-5-5", day(at), read)?.withCache;

    assertEquals(of("2026-09-27"), undefined);
    assertEquals(of("2026-10-06"), 0.2);
    assertEquals(of("2026-10-07"), 0.1);
  });

  test("is that of the longest id which the name begins with", () => {
    const input = { ...none, uncached: 1_000_000 };

    assertEquals(toPromptCost("claude-opus-4-5-x", day("2026-11-01"), input)?.withCache, 5);
    assertEquals(toPromptCost("claude-opus-4-1", day("2026-11-01"), input)?.withCache, 15);
    assertEquals(toPromptCost("gpt-x", day("2026-11-01"), input), undefined);
  });

  test("is higher for a long prompt where the table says so", () => {
    const of = (uncached: number) =>
      toPromptCost("claude-haiku-5-5", day("2026-11-01"), { ...none, uncached })?.withCache;

    assertEquals(of(100_000)?.toFixed(6), "0.010000");
    assertEquals(of(100_001)?.toFixed(6), "0.050001");
  });
});
