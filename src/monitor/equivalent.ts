import type { Prices, PromptCost } from "./prices.ts";
import type { RequestRecord } from "./record.ts";
import { isStored, sumOfCosts } from "./totals.ts";

/** A model of the price table that the user compares a local one with. */
export interface Comparison {
  readonly model: string;
  readonly prices: Prices;
}

/**
 * What the prompts of a model that costs nothing would have cost elsewhere: everything at the price
 * of input, against reads and five-minute writes, and nothing for what the response cache answered.
 * Nobody was charged this; it is shown with the name of the model only.
 */
export function toEquivalentCost(
  records: readonly RequestRecord[],
  { model, prices }: Comparison,
): PromptCost | undefined {
  return sumOfCosts(records.map((record) => {
    const { startedAt, promptTokens, prefixTokensReused: read } = record;
    if (promptTokens === undefined) return undefined;
    const none = { uncached: 0, read: 0, written5m: 0, written1h: 0 };
    if (isStored(record)) {
      const cost = prices.costOf(model, startedAt, { ...none, uncached: promptTokens });
      return cost && { ...cost, withCache: 0 };
    }
    if (read === undefined) return undefined;
    return prices.costOf(model, startedAt, { ...none, read, written5m: promptTokens - read });
  }));
}
