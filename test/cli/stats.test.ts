import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { advice, chart, table } from "../../src/cli/command/stats-text.ts";
import { resolveConfig } from "../../src/config/resolve.ts";
import { toGroups } from "../../src/monitor/history.ts";
import type { StoredRecord } from "../../src/monitor/record-store.ts";
import { toTotals } from "../../src/monitor/totals.ts";
import { requestRecord } from "../support/request-record.ts";

const [sunday, monday] = [new Date(2026, 10, 1, 12).getTime(), new Date(2026, 10, 2, 12).getTime()];
const known: readonly Partial<StoredRecord>[] = [
  {
    startedAt: sunday,
    project: "/work/a",
    promptTokens: 20_000,
    prefixTokensReused: 0,
    prefixTokensCreated: 20_000,
    prefillSeconds: 5,
    timeToFirstTokenMs: 5100,
  },
  {
    startedAt: monday,
    project: "/work/b",
    promptTokens: 40_000,
    prefixTokensReused: 30_000,
    prefixTokensCreated: 10_000,
    prefillSeconds: 2.5,
    timeToFirstTokenMs: 2600,
  },
  {
    startedAt: monday,
    project: "/work/b",
    responseCache: "memory",
    generationMs: 4000,
    durationMs: 2,
    timeToFirstTokenMs: 1,
  },
];
const records = known.map((each) => ({ ...requestRecord(each), project: each.project }));

describe("stats", () => {
  test("is a table with one row for each day and one for all, without unknown columns", () => {
    const text = table("day", toGroups(records, "day"), toTotals(records));

    assertEquals(
      text.join("\n"),
      [
        "day         requests  hits  hit rate  prompt tokens  reused  time saved  TTFT p50     p95",
        "2026-11-01         1     0      0.0%         20,000    0.0%      0.00 s    5.10 s  5.10 s",
        "2026-11-02         2     1     50.0%         40,000   75.0%      11.5 s    0.00 s  2.60 s",
        "total              3     1     33.3%         60,000   50.0%      11.5 s    2.60 s  5.10 s",
      ].join("\n"),
    );
  });

  test("puts the busiest first when it is not about days", () => {
    const names = toGroups(records, "project").map(({ name, totals }) => [name, totals.requests]);

    assertEquals(names, [["/work/b", 2], ["/work/a", 1]]);
  });

  test("draws prompt tokens, the reused part filled", () => {
    const [, title, ...bars] = chart(toGroups(records, "day"));

    assertEquals(title, "Prompt tokens: █ from a prefix cache, ░ computed");
    assertEquals(bars, [
      `2026-11-01  ${"░".repeat(20)}`,
      `2026-11-02  ${"█".repeat(30)}${"░".repeat(10)}`,
    ]);
  });

  test("draws apart what no backend said", () => {
    const record = { ...requestRecord({ promptTokens: 100, startedAt: sunday }), project: "p" };

    assertEquals(chart(toGroups([record], "day")).slice(1), [
      "Prompt tokens: █ from a prefix cache, ░ computed, ▒ not said",
      `2026-11-01  ${"▒".repeat(40)}`,
    ]);
  });

  test("names the setting that would help, with its present value", () => {
    const config = resolveConfig({ values: {}, nameOf: (name) => name });
    const [, , disk, system] = advice(
      [
        { cause: "evicted-from-disk", requests: 2, tokens: undefined, position: undefined },
        { cause: "system-changed", requests: 1, tokens: 9000, position: 600 },
      ],
      10,
      config,
    );

    assertEquals(
      disk,
      "- 2 of 10 requests: asked again after their answers had to leave the disk (capacity). " +
        "cacheDiskMegabytes above 256 keeps more",
    );
    assertEquals(system?.startsWith("- 1 of 10 requests, 9,000 prompt tokens computed: had"), true);
    assertEquals(system?.includes("from at token 600 on"), false, system);
    assertEquals(advice([], 10, config), []);
  });
});
