import { describe, test } from "node:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/core/user-error.ts";
import { builtInPrices, loadPrices } from "../../src/monitor/prices.ts";

const none = { uncached: 0, read: 0, written5m: 0, written1h: 0 };
const day = (text: string) => Date.parse(text);

describe("the cost of a prompt", () => {
  test("is the guide's sample with right arithmetic", () => {
    const sample = { ...none, read: 45_000 };
    const of = (written: object) =>
      builtInPrices.costOf("claude-3-5-haiku-20241022", day("2026-01-01"), {
        ...sample,
        ...written,
      });

    const fiveMinutes = of({ written5m: 80_000 });
    const oneHour = of({ written1h: 80_000 });

    assertEquals(fiveMinutes?.withoutCache.toFixed(6), "0.100000");
    assertEquals(fiveMinutes?.withCache.toFixed(6), "0.083600");
    assertEquals(oneHour?.withCache.toFixed(6), "0.131600");
  });

  test("is that of the newest row that has begun", () => {
    const read = { ...none, read: 1_000_000 };
    const of = (at: string) => builtInPrices.costOf("claude-sonnet-5-5", day(at), read)?.withCache;

    assertEquals(of("2026-09-27"), undefined);
    assertEquals(of("2026-10-06"), 0.2);
    assertEquals(of("2026-10-07"), 0.1);
  });

  test("is that of the longest id which the name begins with", () => {
    const input = { ...none, uncached: 1_000_000 };

    assertEquals(builtInPrices.costOf("claude-opus-4-5-x", day("2026-11-01"), input)?.withCache, 5);
    assertEquals(builtInPrices.costOf("claude-opus-4-1", day("2026-11-01"), input)?.withCache, 15);
    assertEquals(builtInPrices.costOf("gpt-x", day("2026-11-01"), input), undefined);
  });

  test("is higher for a long prompt where the table says so", () => {
    const of = (uncached: number) =>
      builtInPrices.costOf("claude-haiku-5-5", day("2026-11-01"), { ...none, uncached })?.withCache;

    assertEquals(of(100_000)?.toFixed(6), "0.010000");
    assertEquals(of(100_001)?.toFixed(6), "0.050001");
  });
});

describe("a price file", () => {
  test("wins over the built-in rows for its models and days, and leaves the others", (t) => {
    const prices = loadPrices(written(t, { models: [{ ...row, since: "2026-10-07", input: 3 }] }));
    const of = (model: string, at: string) =>
      prices.costOf(model, day(at), { ...none, uncached: 1_000_000 })?.withCache;

    assertEquals(of("claude-sonnet-5-5", "2026-10-07"), 3);
    assertEquals(of("claude-sonnet-5-5", "2026-10-06"), 2);
    assertEquals(of("claude-opus-5-5", "2026-11-01"), 4);
  });

  const broken: readonly [string, unknown, string][] = [
    ["an unknown field", { models: [{ ...row, inputt: 1 }] }, "models.0.inputt: there is no such"],
    ["an unknown field at its top", { models: [], model: 1 }, "model: there is no such field"],
    ["a missing field", { models: [{ ...row, cacheRead: undefined }] }, "models.0.cacheRead"],
    ["a price that is text", { models: [{ ...row, input: "2" }] }, "models.0.input: expected a"],
    ["a negative price", { models: [{ ...row, input: -2 }] }, "models.0.input: expected 0 or more"],
    ["a day that is none", { models: [{ ...row, since: "today" }] }, "models.0.since: expected a"],
    ["something else", [], "models: expected an object with a list"],
  ];
  for (const [what, value, said] of broken) {
    test(`is refused for ${what}, by name`, (t) => {
      const path = written(t, value);

      const { message, exitCode } = assertThrows(() => loadPrices(path), UserError, said);

      assertEquals([exitCode, message.includes(path), message.includes("pricesFile")], [
        2,
        true,
        true,
      ]);
    });
  }
});

const row = {
  id: "claude-sonnet-5-5",
  since: "2026-11-01",
  input: 2,
  output: 10,
  cacheWrite5m: 2.5,
  cacheWrite1h: 4,
  cacheRead: 0.2,
};

function written(t: { after(run: () => void): void }, value: unknown): string {
  const folder = mkdtempSync(join(tmpdir(), "any prices "));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "prices.json");
  writeFileSync(path, JSON.stringify(value));
  return path;
}
