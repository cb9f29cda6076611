import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { toMetrics } from "../../src/monitor/metrics.ts";
import { requestRecord } from "../support/request-record.ts";
import { summaryCases } from "../support/summary-cases.ts";

describe("the metrics object", () => {
  test("has the guide's names and the right figures", () => {
    const { records } = summaryCases["claude-five-minutes"]!;

    const { estimatedCost, ...counts } = toMetrics(records, undefined);

    assertEquals(counts, {
      hitCount: 1,
      missCount: 0,
      totalRequests: 1,
      totalInputTokens: 125_000,
      cacheReadTokens: 45_000,
      cacheCreateTokens: 80_000,
    });
    const rounded = Object.entries(estimatedCost ?? {}).map(([name, value]) => [
      name,
      Number(value).toFixed(4),
    ]);
    assertEquals(rounded, [
      ["rawCost", "0.1000"],
      ["withCacheCost", "0.0836"],
      ["savings", "0.0164"],
      ["savingsPercent", "16.4000"],
    ]);
  });

  test("says null for what nobody reported", () => {
    const metrics = toMetrics([requestRecord()], undefined);

    assertEquals(
      [metrics.totalRequests, metrics.totalInputTokens, metrics.estimatedCost],
      [1, null, null],
    );
  });

  test("does not say zero where a backend did not say what it reused", () => {
    const { records } = summaryCases["openai-without-reuse"]!;

    const { totalInputTokens, cacheReadTokens, cacheCreateTokens } = toMetrics(records, undefined);

    assertEquals([totalInputTokens, cacheReadTokens, cacheCreateTokens], [19_244, null, null]);
  });

  test("names the model when the cost is a comparison", () => {
    const { records, comparison } = summaryCases["mlx-compared"]!;

    assertEquals(
      toMetrics(records, comparison).estimatedCost?.equivalentModel,
      "claude-3-5-haiku-20241022",
    );
  });
});
