/**
 * Resident memory of a process whose response cache holds 0, 32 and 256 answers of real sizes
 * (half of them under 1 KB, one in twenty over 8 KB, a few of 60 KB), in MB over the empty one. A
 * fresh process each, five times, in turn; medians.
 *
 *     node_modules/.bin/bun test/bench/response-memory.bench.ts
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { encodeAnswer } from "../../src/cache/answer.ts";
import { createMemoryTier } from "../../src/cache/memory.ts";
import type { CacheKey } from "../../src/cache/tier.ts";
import { p, random, say } from "./support.ts";

const [, script, wanted] = process.argv;
if (wanted === undefined) compare();
else await fill(Number(wanted));

function compare(): void {
  const counts = ["0", "32", "256"];
  const resident = new Map(counts.map((count) => [count, [] as number[]]));
  for (let round = 0; round < 5; round += 1) {
    for (const count of counts) {
      const path = script ?? fileURLToPath(import.meta.url);
      const { stdout } = spawnSync(process.execPath, [path, count], { encoding: "utf8" });
      resident.get(count)?.push(Number(stdout) / 2 ** 20);
    }
  }
  const empty = p(0.5, resident.get("0") ?? []);
  say([
    ["answers", "MB", "MB over empty", "KB for each"],
    ...[...resident].map(([count, mb]) => {
      const over = p(0.5, mb) - empty;
      return [count, p(0.5, mb), over, count === "0" ? 0 : (over * 1024) / Number(count)];
    }),
  ]);
}

async function fill(count: number): Promise<void> {
  const chance = random(3);
  const tier = createMemoryTier({ maxEntries: 256, maxBytes: 2 ** 26 });
  for (let number = 0; number < count; number += 1) {
    const rank = chance();
    const bytes = rank < 0.5 ? 200 + rank * 1600 : rank < 0.95 ? 1000 + rank * 7400 : 60_000 * rank;
    const text = String.fromCharCode(97 + (number % 26)).repeat(bytes);
    const body = encodeAnswer({
      content: [{ type: "text", text }],
      stopReason: "end_turn",
      stopSequence: null,
      usage: {
        input_tokens: 1,
        cache_read_input_tokens: 0,
        cache_creation_input_tokens: 0,
        output_tokens: 1,
      },
      generationMs: 1,
    });
    const key = String(number).padStart(64, "0") as CacheKey;
    await tier.set(key, { body, storedAt: 0, expiresAt: 1 });
  }
  (globalThis as { Bun?: { gc(force: boolean): void } }).Bun?.gc(true);
  process.stdout.write(String(process.memoryUsage().rss));
}
