import { describe, test } from "node:test";
import { mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertEquals, assertThrows } from "@std/assert";
import { silentLog } from "../../src/core/log.ts";
import { openRecordStore, type StoredRecord } from "../../src/monitor/record-store.ts";
import { isWrittenTo } from "../support/is-written-to.ts";
import { requestRecord } from "../support/request-record.ts";

const now = Date.UTC(2026, 5, 1);
const day = 24 * 3_600_000;
const clock = { now: () => now, sleep: () => Promise.resolve() };

const full: StoredRecord = {
  startedAt: now - 1000,
  mode: "claude",
  project: "/home/me/my project",
  requestClass: "subagent",
  session: "s-1",
  agent: "a-1",
  model: "claude-sonnet-5",
  outcome: "failed",
  status: 529,
  responseCache: "miss",
  responseMiss: "expired",
  isStored: true,
  evictedFromMemory: 2,
  evictedFromDisk: 1,
  question: "0123456789abcdef",
  system: "1",
  tools: "2",
  instructionTokens: 500,
  instructionTokensReused: 400,
  promptTokens: 1000,
  prefixTokensReused: 400,
  prefixTokensCreated: 600,
  outputTokens: 7,
  missReason: "diverged",
  missPosition: 400,
  missPart: "message 4 (tool)",
  timeToFirstTokenMs: 12.5,
  prefillSeconds: 1.25,
  decodeSeconds: 0.5,
  durationMs: 1800.5,
  generationMs: 900,
  promptCost: { withoutCache: 0.1, withCache: 0.0836 },
};
const bare: StoredRecord = { ...requestRecord({ startedAt: now }), project: undefined };

describe("record store", () => {
  test("gives back what it was given, known or not, oldest first, from a moment on", (t) => {
    const open = store(t);
    {
      using records = open();
      for (const record of [bare, full, { ...bare, startedAt: now - 2 * day }]) records.add(record);
    }

    using records = open();

    assertEquals(records.since(now - day), [full, bare]);
  });

  test("keeps what an earlier version wrote, with what that did not know as unknown", (t) => {
    const path = place(t);
    {
      using records = openRecordStore({ path, retentionDays: 90, clock, log: silentLog });
      records.add(full);
    }
    const database = new DatabaseSync(path);
    database.exec("ALTER TABLE request DROP COLUMN miss_part");
    database.close();

    using records = openRecordStore({ path, retentionDays: 90, clock, log: silentLog });
    records.add({ ...full, startedAt: now });

    assertEquals(records.since(0), [{ ...full, missPart: undefined }, { ...full, startedAt: now }]);
  });

  test("forgets what is older than the retention", (t) => {
    const open = store(t);
    {
      using records = open();
      for (const days of [89, 91]) records.add({ ...bare, startedAt: now - days * day });
    }

    using records = open();

    assertEquals(records.since(0).map(({ startedAt }) => startedAt), [now - 89 * day]);
  });

  test("writes nothing to be opened, for which a full disk has no room", async (t) => {
    const path = place(t);
    const open = () => openRecordStore({ path, retentionDays: 90, clock, log: silentLog });
    open()[Symbol.dispose]();

    const opening = await isWrittenTo(path, () => open()[Symbol.dispose]());
    const adding = await isWrittenTo(path, () => {
      using records = open();
      records.add(bare);
    });

    assertEquals([opening, adding], [false, true]);
  });

  test("takes the records of two processes", (t) => {
    const open = store(t);
    using one = open();
    using other = open();
    one.add(full);
    other.add(bare);

    assertEquals(one.since(0), [full, bare]);
  });

  test("does not touch what a newer anyclaude wrote", (t) => {
    const path = place(t);
    {
      using newer = new DatabaseSync(path);
      newer.exec("PRAGMA user_version = 99");
    }

    assertThrows(
      () => openRecordStore({ path, retentionDays: 90, clock, log: silentLog }),
      Error,
      "newer anyclaude",
    );
  });
});

function store(t: { after(run: () => void): void }) {
  const path = place(t);
  return () => openRecordStore({ path, retentionDays: 90, clock, log: silentLog });
}

function place(t: { after(run: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), "any history "));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "history.sqlite");
}
