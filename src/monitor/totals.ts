import type { RequestRecord } from "./record.ts";

/** Sums over records. A sum covers the requests that report the figure; `known` says how many do. */
export interface Totals {
  readonly requests: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Answered by the response cache, without the backend. */
  readonly hits: number;
  /** All others, so that hits and misses are all requests. */
  readonly misses: number;
  /** Share of the requests that were hits; undefined without requests. */
  readonly hitRate: number | undefined;
  /** Prompt tokens of the hits: the backend never saw them, and no other sum holds them. */
  readonly promptTokensOfHits: number;
  readonly known: number;
  readonly promptTokens: number;
  readonly prefixTokensReused: number;
  readonly prefixTokensCreated: number;
  readonly outputTokens: number;
  /** Share of the prompt tokens that did not have to be prefilled; undefined without prompts. */
  readonly reuseRate: number | undefined;
  readonly prefillSeconds: number | undefined;
  readonly timeToFirstTokenP50Ms: number | undefined;
}

export function toTotals(records: readonly RequestRecord[]): Totals {
  const hits = records.filter(isHit);
  const misses = records.filter((record) => !isHit(record));
  const known = misses.filter((record) => record.promptTokens !== undefined);
  const promptTokens = sum(known.map((record) => record.promptTokens));
  const prefixTokensReused = sum(known.map((record) => record.prefixTokensReused));
  const prefills = records.map((record) => record.prefillSeconds).filter(isKnown);
  return {
    requests: records.length,
    failed: records.filter((record) => record.outcome === "failed").length,
    cancelled: records.filter((record) => record.outcome === "cancelled").length,
    hits: hits.length,
    misses: misses.length,
    hitRate: records.length > 0 ? hits.length / records.length : undefined,
    promptTokensOfHits: sum(hits.map((record) => record.promptTokens)),
    known: known.length,
    promptTokens,
    prefixTokensReused,
    prefixTokensCreated: sum(known.map((record) => record.prefixTokensCreated)),
    outputTokens: sum(misses.map((record) => record.outputTokens)),
    reuseRate: promptTokens > 0 ? prefixTokensReused / promptTokens : undefined,
    prefillSeconds: prefills.length > 0 ? sum(prefills) : undefined,
    timeToFirstTokenP50Ms: percentile(
      records.map((record) => record.timeToFirstTokenMs).filter(isKnown),
      0.5,
    ),
  };
}

function isHit({ responseCache }: RequestRecord): boolean {
  return responseCache !== undefined && responseCache !== "miss";
}

/** Nearest rank: the smallest sample that at least `share` of all samples do not exceed. */
export function percentile(samples: readonly number[], share: number): number | undefined {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

function sum(values: readonly (number | undefined)[]): number {
  return values.reduce<number>((total, value) => total + (value ?? 0), 0);
}

function isKnown(value: number | undefined): value is number {
  return value !== undefined;
}
