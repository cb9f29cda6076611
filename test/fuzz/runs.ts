import process from "node:process";
import type fc from "fast-check";

/** Their number bounds the fuzzers, and how busy the machine is decides nothing. */
export const patience = { timeout: 60 * 60 * 1000 };

/** Cases of all fuzzers of streams together in `npm test`. */
const usualRuns = 2000;

/**
 * How many cases a fuzzer tries, and from which seed. `FUZZ_RUNS` is how many all of them try
 * together; `FUZZ_SEED`, which a failure prints, makes them try the same ones again.
 */
export function runs(usual: number): fc.Parameters<unknown> {
  const { FUZZ_RUNS, FUZZ_SEED } = process.env;
  const numRuns = Math.ceil(usual * Number(FUZZ_RUNS ?? usualRuns) / usualRuns);
  return { numRuns, ...(FUZZ_SEED === undefined ? {} : { seed: Number(FUZZ_SEED) }) };
}
