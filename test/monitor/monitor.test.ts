import { describe, test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Log } from "../../src/core/log.ts";
import { LogLines } from "../../src/monitor/log-lines.ts";
import { createMonitor } from "../../src/monitor/monitor.ts";
import type { RecordStore, StoredRecord } from "../../src/monitor/record-store.ts";
import type { RequestRecord } from "../../src/monitor/record.ts";
import { settled } from "../support/fake-clock.ts";
import { requestRecord } from "../support/request-record.ts";

const miss = requestRecord({ responseCache: "miss" });
const hit = requestRecord({ responseCache: "sqlite" });

describe("log lines", () => {
  test("are the guide's, one for each request and one for all so far", async () => {
    const { lines, info } = logged();

    for (const record of [miss, miss, hit]) lines.write(record);
    await settled();

    assertEquals(info, [
      "[Cache Miss] Processing new request (cache size: 12/256)",
      "[Cache Stats] Hit Rate: 0.0% (0/1), Cached Items: 12/256",
      "[Cache Miss] Processing new request (cache size: 12/256)",
      "[Cache Stats] Hit Rate: 0.0% (0/2), Cached Items: 12/256",
      "[Cache HIT] Answered from sqlite (cache size: 12/256)",
      "[Cache Stats] Hit Rate: 33.3% (1/3), Cached Items: 12/256",
    ]);
  });

  test("count cache reads as hits in claude mode", async () => {
    const { lines, info } = logged();

    lines.write(requestRecord({ mode: "claude", promptTokens: 500, prefixTokensReused: 400 }));
    await settled();

    assertEquals(info, [
      "[Cache HIT] Read 400 of 500 prompt tokens from the prompt cache (cache size: 12/256)",
      "[Cache Stats] Hit Rate: 100.0% (1/1), Cached Items: 12/256",
    ]);
  });

  test("have tokens and timings one level down", async () => {
    const { lines, debug } = logged();

    lines.write(miss);
    await settled();

    assertEquals(debug, [["[Request]", { ...miss }]]);
  });
});

describe("monitor", () => {
  test("stores each record with the project of the run", () => {
    const { monitor, stored } = monitored();

    monitor.record(miss);

    assertStringIncludes(monitor.summary() ?? "", "Total Requests: 1");
    assertEquals(stored, [{ ...miss, project: "/my project" }]);
  });

  test("takes the speed of earlier runs where its own prompts were too short to tell", () => {
    const long = { prefixTokensCreated: 10_000, prefixTokensReused: 0, promptTokens: 10_000 };
    const short = { prefixTokensCreated: 12, prefixTokensReused: 20_000, promptTokens: 20_012 };
    const earlier = [{ ...requestRecord({ ...long, prefillSeconds: 5 }), project: undefined }];
    const asked: number[] = [];
    const { monitor } = monitored({
      since(startedAt) {
        asked.push(startedAt);
        return earlier;
      },
    });

    monitor.record(requestRecord({ ...short, prefillSeconds: 0.1 }));
    const first = monitor.summary() ?? "";
    monitor.record(requestRecord({ ...long, prefillSeconds: 2 }));
    const second = monitor.summary() ?? "";

    assertStringIncludes(first, "Prefill Saved: 10.0 s (at the measured 2,000 tokens/s)");
    assertStringIncludes(second, "Prefill Saved: 4.0 s (at the measured 5,000 tokens/s)");
    assertEquals(asked, [Date.UTC(2025, 11, 18)]);
  });

  test("leaves savings out where no speed is known", () => {
    const { monitor } = monitored();

    monitor.record(
      requestRecord({
        promptTokens: 20_012,
        prefixTokensReused: 20_000,
        prefixTokensCreated: 12,
        prefillSeconds: 0.1,
      }),
    );

    assertEquals(monitor.summary()?.includes("Prefill Saved"), false);
  });

  test("goes on when records cannot be stored, and warns once", () => {
    const { monitor, warnings } = monitored({
      add() {
        throw new Error("disk full");
      },
    });

    monitor.record(miss);
    monitor.record(hit);

    assertEquals(monitor.metrics().totalRequests, 2);
    assertEquals(warnings, ["request history cannot be written"]);
  });
});

function logged() {
  const info: string[] = [];
  const debug: unknown[] = [];
  const log: Log = {
    debug: (...all) => void debug.push(all),
    info: (message) => void info.push(message),
    warn() {},
  };
  const items = () => Promise.resolve({ entries: 12, maxEntries: 256 });
  return { lines: new LogLines(log, items), info, debug };
}

function monitored(broken: Partial<RecordStore> = {}) {
  const stored: StoredRecord[] = [];
  const warnings: string[] = [];
  const store: RecordStore = {
    add: (record) => void stored.push(record),
    since: () => [],
    [Symbol.dispose]() {},
    ...broken,
  };
  const log: Log = { debug() {}, info() {}, warn: (message) => void warnings.push(message) };
  const lines = { write(_: RequestRecord) {} } as LogLines;
  const monitor = createMonitor({
    store,
    lines,
    project: "/my project",
    comparison: undefined,
    log,
  });
  return { monitor, stored, warnings };
}
