import { describe, test } from "node:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, assertEquals } from "@std/assert";
import { createMemoryTier } from "../../src/cache/memory.ts";
import { createSqliteTier } from "../../src/cache/sqlite.ts";
import type { CacheEntry, CacheKey, CacheTier } from "../../src/cache/tier.ts";
import { TieredCache } from "../../src/cache/tiered.ts";
import { type Log, silentLog } from "../../src/core/log.ts";
import { isWrittenTo } from "../support/is-written-to.ts";

const key = (name: string) => name as CacheKey;
const now = Date.UTC(2026, 0, 1);
const clock = { now: () => now, sleep: () => Promise.resolve() };
const entry = (text: string, expiresAt = now + 1000): CacheEntry => ({
  body: new TextEncoder().encode(text),
  storedAt: now,
  expiresAt,
});
const text = (found: CacheEntry | undefined) => found && new TextDecoder().decode(found.body);

/** What every tier promises. */
function testTier(name: string, open: () => CacheTier): void {
  describe(`${name} tier`, () => {
    test("misses a key it never saw", async () => {
      await using tier = open();

      assertEquals(await tier.get(key("a")), undefined);
    });

    test("keeps the last write, and the bytes as they were", async () => {
      await using tier = open();
      await tier.set(key("a"), entry("old"));
      await tier.set(key("a"), entry("näw\0"));

      const found = await tier.get(key("a"));

      assertEquals(text(found), "näw\0");
      assertEquals(found?.expiresAt, now + 1000);
    });

    test("makes room by dropping what was used longest ago", async () => {
      await using tier = open();
      await tier.set(key("a"), entry("x".repeat(4000)));
      await tier.set(key("b"), entry("x".repeat(4000)));
      await tier.get(key("a"));
      const evicted = await tier.set(key("c"), entry("x".repeat(4000)));

      const kept = await Promise.all(["a", "b", "c"].map((name) => tier.get(key(name))));

      assertEquals(kept.map((found) => found !== undefined), [true, false, true]);
      assertEquals(evicted, 1);
    });

    test("forgets everything when cleared", async () => {
      await using tier = open();
      await tier.set(key("a"), entry("x"));
      await tier.clear();

      assertEquals(await tier.get(key("a")), undefined);
      assertEquals((await tier.size()).entries, 0);
    });
  });
}

testTier("memory", () => createMemoryTier({ maxEntries: 100, maxBytes: 10_000 }));
// Three pages for nothing, and one for each of the entries of 4000 bytes.
testTier(
  "sqlite",
  () => createSqliteTier({ path: ":memory:", maxBytes: 22_000, clock, log: silentLog }),
);

describe("sqlite tier on disk", () => {
  test("survives a restart, and sets a damaged file aside with one warning", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "cache-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "answers.sqlite");
    const warnings: string[] = [];
    const log: Log = { ...silentLog, warn: (message) => void warnings.push(message) };
    const open = () => createSqliteTier({ path, maxBytes: 100_000, clock, log });
    {
      await using tier = open();
      await tier.set(key("a"), entry("kept"));
    }
    {
      await using tier = open();
      assertEquals(text(await tier.get(key("a"))), "kept");
    }
    writeFileSync(path, "this is not a database, but it is long enough to look like one".repeat(9));

    await using tier = open();

    assertEquals(await tier.get(key("a")), undefined);
    assertEquals(warnings, ["response cache was damaged and starts anew"]);
    await tier.set(key("a"), entry("again"));
    assertEquals(text(await tier.get(key("a"))), "again");
  });

  test("writes nothing to be opened, for which a full disk has no room", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "cache-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "answers.sqlite");
    const open = () => createSqliteTier({ path, maxBytes: 100_000, clock, log: silentLog });
    await open()[Symbol.asyncDispose]();

    const opening = await isWrittenTo(path, () => open()[Symbol.asyncDispose]());
    const storing = await isWrittenTo(path, async () => {
      await using tier = open();
      await tier.set(key("a"), entry("x"));
    });

    assertEquals([opening, storing], [false, true]);
  });
});

describe("TieredCache", () => {
  const memory = () => createMemoryTier({ maxEntries: 10, maxBytes: 10_000 });

  test("fills the tiers above the one that had it", async () => {
    const [fast, slow] = [memory(), memory()];
    await using cache = new TieredCache([fast, slow], { clock, log: silentLog });
    await slow.set(key("a"), entry("x"));

    const found = await cache.get(key("a"));

    assert(found.status === "hit");
    assertEquals(text(await fast.get(key("a"))), "x");
  });

  test("misses what has expired", async () => {
    await using cache = new TieredCache([memory()], { clock, log: silentLog });
    await cache.set(key("a"), entry("x", now));

    assertEquals(await cache.get(key("a")), { status: "miss", reason: "expired" });
  });

  test("treats a failing tier as a miss and warns once for each operation", async () => {
    const broken: CacheTier = {
      ...memory(),
      name: "sqlite",
      get: () => Promise.reject(new Error("disk gone")),
      set: () => Promise.reject(new Error("disk gone")),
    };
    const warnings: unknown[] = [];
    const log: Log = {
      ...silentLog,
      warn: (_, fields) => void warnings.push(fields?.["operation"]),
    };
    await using cache = new TieredCache([broken, memory()], { clock, log });

    await cache.set(key("a"), entry("x"));
    await cache.set(key("a"), entry("x"));
    const found = await cache.get(key("a"));

    assertEquals(found.status, "hit");
    assertEquals(warnings, ["set", "get"]);
  });
});
