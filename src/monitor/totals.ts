import type { PromptCost } from "./prices.ts";
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
  /** Stored answers that had to leave memory, and the disk, for others. */
  readonly evictedFromMemory: number;
  readonly evictedFromDisk: number;
  /** Prompt tokens that the response cache answered: no backend saw them, no other sum has them. */
  readonly promptTokensOfHits: number;
  readonly known: number;
  /** Requests whose backend said how much of the prompt it reused; the next two are theirs. */
  readonly reuseKnown: number;
  readonly promptTokens: number;
  readonly prefixTokensReused: number;
  readonly prefixTokensCreated: number;
  readonly outputTokens: number;
  /** Share of the prompt tokens that did not have to be prefilled; undefined when unknown. */
  readonly reuseRate: number | undefined;
  /** Sum over the requests with a price; undefined without any. */
  readonly promptCost: PromptCost | undefined;
  /** Requests with token counts whose model has no price, where prices are asked for. */
  readonly unpriced: number;
  readonly prefillSeconds: number | undefined;
  /** What prefilling the reused tokens would have taken, at the speed of each model. */
  readonly prefillSecondsSaved: number | undefined;
  /** What stored answers had taken to make, less what giving them again took. */
  readonly answerSecondsSaved: number | undefined;
  readonly timeToFirstTokenP50Ms: number | undefined;
  readonly timeToFirstTokenP95Ms: number | undefined;
}

/** Prompt tokens prefilled in a second, by model. */
export type Speeds = ReadonlyMap<string, number>;

/** Fewer tokens say more about what surrounds a prefill than about its speed. */
const leastTokensTimed = 512;

/** From requests that had to prefill enough to tell; a model without any is unknown. */
export function toSpeeds(records: readonly RequestRecord[]): Speeds {
  const timed = records.filter(({ prefillSeconds, prefixTokensCreated = 0 }) =>
    prefillSeconds !== undefined && prefixTokensCreated >= leastTokensTimed
  );
  return new Map(
    [...Map.groupBy(timed, ({ model }) => model)].map(([model, of]) => [
      model,
      sum(of.map((record) => record.prefixTokensCreated)) /
      sum(of.map((record) => record.prefillSeconds)),
    ]),
  );
}

export function toTotals(
  records: readonly RequestRecord[],
  speeds: Speeds = toSpeeds(records),
): Totals {
  const stored = records.filter(isStored);
  const asked = records.filter((record) => !isStored(record));
  const known = asked.filter((record) => record.promptTokens !== undefined);
  const hits = records.filter(isHit).length;
  const told = known.filter((record) => record.prefixTokensReused !== undefined);
  const toldTokens = sum(told.map((record) => record.promptTokens));
  const prefixTokensReused = sum(told.map((record) => record.prefixTokensReused));
  return {
    requests: records.length,
    failed: records.filter((record) => record.outcome === "failed").length,
    cancelled: records.filter((record) => record.outcome === "cancelled").length,
    hits,
    stored: stored.length,
    misses: records.length - hits,
    hitRate: records.length > 0 ? hits / records.length : undefined,
    evictedFromMemory: sum(records.map((record) => record.evictedFromMemory)),
    evictedFromDisk: sum(records.map((record) => record.evictedFromDisk)),
    promptTokensOfHits: sum(stored.map((record) => record.promptTokens)),
    known: known.length,
    reuseKnown: told.length,
    promptTokens: sum(known.map((record) => record.promptTokens)),
    prefixTokensReused,
    prefixTokensCreated: sum(told.map((record) => record.prefixTokensCreated)),
    outputTokens: sum(asked.map((record) => record.outputTokens)),
    reuseRate: toldTokens > 0 ? prefixTokensReused / toldTokens : undefined,
    promptCost: sumOfCosts(records.map((record) => record.promptCost)),
    unpriced: known.filter(({ mode, promptCost }) => mode === "claude" && !promptCost).length,
    ...toTimes(records, speeds),
  };
}

function toTimes(records: readonly RequestRecord[], speeds: Speeds) {
  const prefills = records.map((record) => record.prefillSeconds).filter(isKnown);
  const saved = records
    .filter((record) => !isStored(record))
    .map(({ model, prefixTokensReused: reused }) => {
      const speed = speeds.get(model);
      return reused === undefined || speed === undefined ? undefined : reused / speed;
    })
    .filter(isKnown);
  const given = records.filter((record) => record.generationMs !== undefined);
  const firstTokens = records.map((record) => record.timeToFirstTokenMs).filter(isKnown);
  return {
    prefillSeconds: prefills.length > 0 ? sum(prefills) : undefined,
    prefillSecondsSaved: saved.length > 0 ? sum(saved) : undefined,
    answerSecondsSaved: given.length > 0
      ? sum(given.map(({ generationMs = 0, durationMs }) => (generationMs - durationMs) / 1000))
      : undefined,
    timeToFirstTokenP50Ms: percentile(firstTokens, 0.5),
    timeToFirstTokenP95Ms: percentile(firstTokens, 0.95),
  };
}

/** In `claude` mode the cache is Anthropic's: a hit is a request with cache reads. */
export function isHit(record: RequestRecord): boolean {
  if (record.mode === "claude") return (record.prefixTokensReused ?? 0) > 0;
  return isStored(record);
}

/** Answered by the response cache. */
export function isStored({ responseCache }: RequestRecord): boolean {
  return responseCache !== undefined && responseCache !== "miss";
}

/** Of those that are known; undefined when none is. */
export function sumOfCosts(costs: readonly (PromptCost | undefined)[]): PromptCost | undefined {
  const known = costs.filter(isKnown);
  if (known.length === 0) return undefined;
  return {
    withoutCache: sum(known.map(({ withoutCache }) => withoutCache)),
    withCache: sum(known.map(({ withCache }) => withCache)),
  };
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
