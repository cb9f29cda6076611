/**
 * The guide's claim, measured: share of requests answered from memory with 32 and with 256
 * entries. The trace is made up, repeatable, and has the shape of Claude Code's traffic only: most
 * requests are new (each turn has another history); what repeats are prompts that are run again in
 * the same folder, with all the requests of their tool loop. `N loops` is how many different
 * prompts of four requests each are re-run; `often` prefers a few of them, `in turn` goes round.
 * Memory alone: the tier on disk would answer the rest.
 *
 *     node_modules/.bin/bun test/bench/response-hit-rate.bench.ts
 */
import { createMemoryTier } from "../../src/cache/memory.ts";
import type { CacheKey } from "../../src/cache/tier.ts";
import { TieredCache } from "../../src/cache/tiered.ts";
import { systemClock as clock } from "../../src/core/clock.ts";
import { silentLog as log } from "../../src/core/log.ts";
import { random, say } from "./support.ts";

const requests = 4000;
const loopLength = 4;
const newShare = 0.3;

const rows: (string | number)[][] = [
  ["trace", "distinct", "32: hits %", "evicted", "256: hits %", "evicted", "points more"],
];
for (const loops of [5, 10, 25, 50, 100]) {
  for (const order of ["often", "in turn"] as const) {
    const trace = toTrace(loops, order);
    const [small, large] = [await run(trace, 32), await run(trace, 256)];
    rows.push([
      `${loops} loops, ${order}`,
      String(new Set(trace).size),
      small.hits * 100,
      String(small.evicted),
      large.hits * 100,
      String(large.evicted),
      (large.hits - small.hits) * 100,
    ]);
  }
}
say(rows);

function toTrace(loops: number, order: "often" | "in turn"): readonly string[] {
  const chance = random(loops);
  const trace: string[] = [];
  for (let turn = 0; trace.length < requests; turn += 1) {
    if (chance() < newShare) {
      for (let each = 0; each < loopLength; each += 1) trace.push(`new ${turn}.${each}`);
      continue;
    }
    const loop = order === "in turn" ? turn % loops : Math.floor(loops * chance() ** 3);
    for (let each = 0; each < loopLength; each += 1) trace.push(`loop ${loop}.${each}`);
  }
  return trace;
}

async function run(trace: readonly string[], maxEntries: number) {
  const cache = new TieredCache([createMemoryTier({ maxEntries, maxBytes: 2 ** 26 })], {
    clock,
    log,
  });
  const body = new Uint8Array(1000);
  let hits = 0;
  let evicted = 0;
  for (const question of trace) {
    const key = question as CacheKey;
    if ((await cache.get(key)).status === "hit") hits += 1;
    else {
      const written = await cache.set(key, { body, storedAt: 0, expiresAt: Infinity });
      evicted += written.evicted.memory;
    }
  }
  return { hits: hits / trace.length, evicted };
}
