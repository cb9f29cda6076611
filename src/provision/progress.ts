import type { Clock } from "../core/clock.ts";
import { sizeOf } from "./size.ts";

export interface Progress {
  readonly tell: (line: string) => void;
  readonly clock: Clock;
  /** What grows while the work goes on. */
  readonly folders: readonly string[];
}

const everyMs = 10_000;

/**
 * Tells what a program says it downloads, with the sizes it gives, and every ten seconds how much
 * has been written. How much there will be is not known before.
 */
export async function withProgress<T>(
  { tell, clock, folders }: Progress,
  work: (onLine: (line: string) => void) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const telling = tellSize({ tell, clock, folders }, over.signal);
  try {
    return await work((line) => {
      const [, what, size] = line.match(/^\s*Downloading (\S+) \(([\d.]+ ?[kKMG]i?B)\)/) ?? [];
      if (what && size) tell(`  downloading ${what.split("/").at(-1)} (${size})`);
    });
  } finally {
    over.abort();
    await telling;
  }
}

async function tellSize({ tell, clock, folders }: Progress, signal: AbortSignal): Promise<void> {
  const startedAt = clock.now();
  for (;;) {
    try {
      await clock.sleep(everyMs, signal);
    } catch {
      return; // the work is over
    }
    const seconds = Math.round((clock.now() - startedAt) / 1000);
    tell(`  ${(sizeOf(folders) / 1e6).toFixed(0)} MB after ${seconds} s`);
  }
}
