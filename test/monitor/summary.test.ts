import { describe, test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { toSummary } from "../../src/monitor/summary.ts";
import { percentile, toTotals } from "../../src/monitor/totals.ts";
import { requestRecord } from "../support/request-record.ts";

const cold = requestRecord({
  promptTokens: 19_244,
  prefixTokensReused: 0,
  prefixTokensCreated: 19_244,
  outputTokens: 21,
  timeToFirstTokenMs: 5600,
  prefillSeconds: 5.5,
});
const warm = requestRecord({
  promptTokens: 19_314,
  prefixTokensReused: 19_237,
  prefixTokensCreated: 77,
  outputTokens: 17,
  timeToFirstTokenMs: 40,
  prefillSeconds: 0.03,
});

describe("exit summary", () => {
  test("shows counts, tokens, reuse and times in one fixed layout", () => {
    const summary = toSummary([cold, warm, requestRecord({ outcome: "cancelled" })]);

    assertEquals(
      summary,
      `✅ Cache Performance Summary
━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
  Total Requests: 3
  Cache Hits: 0
  Cache Misses: 3
  Hit Rate: 0.0%
  Cancelled: 1

📊 Token Usage:
  Total Input Tokens: 38,558
  Tokens from Cache: 19,237
  Cache Creation Tokens: 19,321
  Prefix Reuse: 49.9%
  Output Tokens: 38
  Requests without Counts: 1

⏱️ Time:
  Prefill: 5.5 s
  Time to First Token (p50): 0.04 s
━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
`,
    );
  });

  test("counts a stored answer as a hit and none of its tokens as asked for", () => {
    const hit = requestRecord({ responseCache: "sqlite", promptTokens: 19_244, outputTokens: 17 });

    const summary = toSummary([requestRecord({ ...cold, responseCache: "miss" }), hit]) ?? "";

    assertStringIncludes(summary, "  Cache Hits: 1\n  Cache Misses: 1\n  Hit Rate: 50.0%\n");
    assertStringIncludes(summary, "  Total Input Tokens: 19,244\n");
    assertStringIncludes(summary, "  Input Tokens of Cache Hits: 19,244\n");
  });

  test("has the guide's cost block in claude mode, with savings that may be negative", () => {
    const claude = requestRecord({
      mode: "claude",
      promptTokens: 125_000,
      prefixTokensReused: 45_000,
      prefixTokensCreated: 80_000,
      promptCost: { withoutCache: 0.1, withCache: 0.0836 },
    });
    const costly = { ...claude, promptCost: { withoutCache: 0.1, withCache: 0.1316 } };

    assertStringIncludes(
      toSummary([claude]) ?? "",
      `
💰 Estimated Cost Savings:
  Without Cache: $0.1000
  With Cache: $0.0836
  Savings: $0.0164 (16.4%)
`,
    );
    assertStringIncludes(toSummary([costly]) ?? "", "  Savings: -$0.0316 (-31.6%)\n");
    assertStringIncludes(toSummary([claude]) ?? "", "  Cache Hits: 1\n");
  });

  test("is absent when there was no request", () => {
    assertEquals(toSummary([]), undefined);
  });

  test("says unknown instead of zero when no backend reported tokens", () => {
    const summary = toSummary([requestRecord()]) ?? "";

    assertStringIncludes(summary, "Unknown: the backend did not report token counts");
    assertEquals(summary.includes("Total Input Tokens"), false);
  });
});

describe("totals", () => {
  test("reused and created add up to the prompt, whatever the requests", () => {
    const request = fc.tuple(fc.nat(100_000), fc.nat(100_000)).map(([reused, created]) =>
      requestRecord({
        promptTokens: reused + created,
        prefixTokensReused: reused,
        prefixTokensCreated: created,
      })
    );

    fc.assert(fc.property(fc.array(request), (records) => {
      const totals = toTotals(records);

      assertEquals(totals.prefixTokensReused + totals.prefixTokensCreated, totals.promptTokens);
    }));
  });

  test("a percentile is one of the samples, by nearest rank", () => {
    assertEquals(percentile([40, 10, 30, 20], 0.5), 20);
    assertEquals(percentile([40, 10, 30, 20], 0.95), 40);
    assertEquals(percentile([], 0.5), undefined);
  });
});
