import { type Comparison, toEquivalentCost } from "./equivalent.ts";
import type { RequestRecord } from "./record.ts";
import { toTotals } from "./totals.ts";

/** The guide's metrics object, by its names. Null is unknown. */
export interface Metrics {
  readonly hitCount: number;
  readonly missCount: number;
  readonly totalRequests: number;
  /** Prompt tokens that a backend was asked to read: none of the response cache's hits. */
  readonly totalInputTokens: number | null;
  readonly cacheReadTokens: number | null;
  readonly cacheCreateTokens: number | null;
  readonly estimatedCost: EstimatedCost | null;
}

/** USD; savings may be negative, because writing to a cache costs more than plain input. */
export interface EstimatedCost {
  readonly rawCost: number;
  readonly withCacheCost: number;
  readonly savings: number;
  readonly savingsPercent: number;
  /** Set when nothing was charged: the model whose prices the figures compare with. */
  readonly equivalentModel?: string;
}

export function toMetrics(
  records: readonly RequestRecord[],
  comparison: Comparison | undefined,
): Metrics {
  const totals = toTotals(records);
  const { known, reuseKnown, requests, stored } = totals;
  const tokens = (count: number, by: number) => by === 0 && requests > stored ? null : count;
  return {
    hitCount: totals.hits,
    missCount: totals.misses,
    totalRequests: requests,
    totalInputTokens: tokens(totals.promptTokens, known),
    cacheReadTokens: tokens(totals.prefixTokensReused, reuseKnown),
    cacheCreateTokens: tokens(totals.prefixTokensCreated, reuseKnown),
    estimatedCost: toEstimatedCost(records, comparison),
  };
}

/** What was charged, or else the equivalent that the user asked for; null without either. */
export function toEstimatedCost(
  records: readonly RequestRecord[],
  comparison: Comparison | undefined,
): EstimatedCost | null {
  const charged = toTotals(records).promptCost;
  const cost = charged ?? (comparison && toEquivalentCost(records, comparison));
  if (!cost) return null;
  const { withoutCache: rawCost, withCache: withCacheCost } = cost;
  const savings = rawCost - withCacheCost;
  return {
    rawCost,
    withCacheCost,
    savings,
    savingsPercent: rawCost > 0 ? (savings / rawCost) * 100 : 0,
    ...(charged || !comparison ? {} : { equivalentModel: comparison.model }),
  };
}
