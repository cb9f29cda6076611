import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { toSummary } from "../../src/monitor/summary.ts";
import { percentile, toTotals } from "../../src/monitor/totals.ts";
import { requestRecord } from "../support/request-record.ts";
import { summaryCases } from "../support/summary-cases.ts";

const golden = new URL("../fixtures/summary/", import.meta.url);
const script = fileURLToPath(new URL("../support/print-summary.ts", import.meta.url));
const command = "Deno" in globalThis ? ["run", "-A", "--no-check", "--quiet", script] : [script];
const locales: readonly Readonly<Record<string, string>>[] = [
  {},
  { LANG: "C" },
  { LANG: "de_DE.UTF-8", LC_ALL: "de_DE.UTF-8", LANGUAGE: "de" },
];

describe("exit summary", () => {
  for (const [name, { records, comparison }] of Object.entries(summaryCases)) {
    test(`is fixed to the letter: ${name}`, () => {
      const summary = toSummary(records, comparison) ?? "";
      const path = new URL(`${name}.txt`, golden);
      if (process.env["UPDATE_GOLDEN"]) writeFileSync(path, summary);

      assertEquals(summary, readFileSync(path, "utf8"));
    });
  }

  for (const locale of locales) {
    test(`is the same under ${JSON.stringify(locale)}`, () => {
      const { stdout } = spawnSync(process.execPath, [...command, "claude-one-hour"], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...locale },
      });

      assertEquals(stdout, readFileSync(new URL("claude-one-hour.txt", golden), "utf8"));
    });
  }

  test("has the figures of the guide's sample, computed right", () => {
    const [fiveMinutes, oneHour] = ["claude-five-minutes", "claude-one-hour"].map((name) =>
      readFileSync(new URL(`${name}.txt`, golden), "utf8")
    );

    assertStringIncludes(
      fiveMinutes ?? "",
      `
💰 Estimated Cost Savings:
  Without Cache: $0.1000
  With Cache: $0.0836
  Savings: $0.0164 (16.4%)
`,
    );
    assertStringIncludes(oneHour ?? "", "  Savings: -$0.0316 (-31.6%)\n");
  });

  test("is absent when there was no request", () => {
    assertEquals(toSummary([]), undefined);
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
