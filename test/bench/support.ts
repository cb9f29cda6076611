import process from "node:process";

/** Samples in milliseconds and what is said of them. */
export interface Samples {
  readonly name: string;
  readonly ms: number[];
}

/**
 * Takes turns, so that a busy moment of the machine meets all of them. A run that gives a number
 * has measured itself, in milliseconds.
 */
export async function alternate(
  rounds: number,
  runs: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<readonly Samples[]> {
  const samples = Object.keys(runs).map((name) => ({ name, ms: [] as number[] }));
  for (let round = -Math.ceil(rounds / 5); round < rounds; round += 1) {
    for (const { name, ms } of samples) {
      const startedAt = performance.now();
      const measured = await runs[name]?.();
      const tookMs = typeof measured === "number" ? measured : performance.now() - startedAt;
      // The first fifth warms up.
      if (round >= 0) ms.push(tookMs);
    }
  }
  return samples;
}

export function p(share: number, ms: readonly number[]): number {
  const sorted = ms.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

/** Repeatable numbers from 0 to 1: a trace is the same in every run. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export function say(rows: readonly (readonly (string | number)[])[]): void {
  const texts = rows.map((row) =>
    row.map((cell) => typeof cell === "number" ? cell.toFixed(3) : cell)
  );
  const widths = texts[0]?.map((_, column) =>
    Math.max(...texts.map((row) => row[column]?.length ?? 0))
  );
  const lines = texts.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths?.[0] ?? 0) : cell.padStart(widths?.[column] ?? 0)
    ).join("  ")
  );
  process.stdout.write(`${lines.join("\n")}\n`);
}
