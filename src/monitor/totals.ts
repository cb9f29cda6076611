import type { PromptCost } from "./cost.ts";
import type { RequestRecord } from "./record.ts";

/** Sums over records. A sum covers the requests that report the figure; `known` says how many do. */
export interface Totals {
  readonly requests: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Answers of the response cache; in `claude` mode, requests with cache reads. */
  readonly hits: number;
  /** All others, so that hits and misses are all requests. */
  readonly misses: number;
  /** Answered by the response cache. */
  readonly stored: number;
  /** Share of the requests that were hits; undefined without requests. */
  readonly hitRate: number | undefined;
  /** Prompt tokens that the response cache answered: no backend saw them, no other sum has them. */
  readonly promptTokensOfHits: number;
  readonly known: number;
  readonly promptTokens: number;
  readonly prefixTokensReused: number;
  readonly prefixTokensCreated: number;
  readonly outputTokens: number;
  /** Share of the prompt tokens that did not have to be prefilled; undefined without prompts. */
  readonly reuseRate: number | undefined;
  /** Sum over the requests with a price; undefined without any. */
  readonly promptCost: PromptCost | undefined;
  /** Requests with token counts whose model has no price, where prices are asked for. */
  readonly unpriced: number;
  readonly prefillSeconds: number | undefined;
  readonly timeToFirstTokenP50Ms: number | undefined;
}

export function toTotals(records: readonly RequestRecord[]): Totals {
  const hits = records.filter(isHit);
  const asked = records.filter((record) => !isStored(record));
  const known = asked.filter((record) => record.promptTokens !== undefined);
  const promptTokens = sum(known.map((record) => record.promptTokens));
  const prefixTokensReused = sum(known.map((record) => record.prefixTokensReused));
  const costs = records.map((record) => record.promptCost).filter(isKnown);
  const prefills = records.map((record) => record.prefillSeconds).filter(isKnown);
  return {
    requests: records.length,
    failed: records.filter((record) => record.outcome === "failed").length,
    cancelled: records.filter((record) => record.outcome === "cancelled").length,
    hits: hits.length,
    stored: records.filter(isStored).length,
    misses: records.length - hits.length,
    hitRate: records.length > 0 ? hits.length / records.length : undefined,
    promptTokensOfHits: sum(records.filter(isStored).map((record) => record.promptTokens)),
    known: known.length,
    promptTokens,
    prefixTokensReused,
    prefixTokensCreated: sum(known.map((record) => record.prefixTokensCreated)),
    outputTokens: sum(asked.map((record) => record.outputTokens)),
    reuseRate: promptTokens > 0 ? prefixTokensReused / promptTokens : undefined,
    promptCost: costs.length > 0
      ? {
        withoutCache: sum(costs.map(({ withoutCache }) => withoutCache)),
        withCache: sum(costs.map(({ withCache }) => withCache)),
      }
      : undefined,
    unpriced: known.filter(({ mode, promptCost }) => mode === "claude" && !promptCost).length,
    prefillSeconds: prefills.length > 0 ? sum(prefills) : undefined,
    timeToFirstTokenP50Ms: percentile(
      records.map((record) => record.timeToFirstTokenMs).filter(isKnown),
      0.5,
    ),
  };
}

/** In `claude` mode the cache is Anthropic's: a hit is a request with cache reads. */
export function isHit(record: RequestRecord): boolean {
  if (record.mode === "claude") return (record.prefixTokensReused ?? 0) > 0;
  return isStored(record);
}

/** Answered by the response cache. */
function isStored({ responseCache }: RequestRecord): boolean {
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

function isKnown<T>(value: T | undefined): value is T {
  return value !== undefined;
}
