import table from "./prices.json" with { type: "json" };

/** USD per million tokens. */
interface Price {
  readonly input: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
  readonly cacheRead: number;
}

interface PriceRow extends Price {
  readonly id: string;
  /** First day, as `YYYY-MM-DD`. */
  readonly since: string;
  readonly overPromptTokens?: number;
  readonly over?: Price;
}

/** Prompt tokens by what they are charged as; the four are disjoint. */
export interface ChargedTokens {
  readonly uncached: number;
  readonly read: number;
  readonly written5m: number;
  readonly written1h: number;
}

/** USD for the prompt alone: caching does not change what output costs. */
export interface PromptCost {
  readonly withoutCache: number;
  readonly withCache: number;
}

const rows: readonly PriceRow[] = table.models;

/** Undefined for a model or a day that the table does not have: nothing is guessed. */
export function toPromptCost(
  model: string,
  at: number,
  { uncached, read, written5m, written1h }: ChargedTokens,
): PromptCost | undefined {
  const total = uncached + read + written5m + written1h;
  const price = priceOf(model, new Date(at).toISOString().slice(0, 10), total);
  if (!price) return undefined;
  const withCache = uncached * price.input + read * price.cacheRead +
    written5m * price.cacheWrite5m + written1h * price.cacheWrite1h;
  return { withoutCache: total * price.input / 1e6, withCache: withCache / 1e6 };
}

function priceOf(model: string, day: string, promptTokens: number): Price | undefined {
  const named = rows.filter(({ id }) => model.startsWith(id));
  const longest = Math.max(...named.map(({ id }) => id.length));
  const row = named
    .filter(({ id, since }) => id.length === longest && since <= day)
    .toSorted((a, b) => a.since < b.since ? -1 : 1)
    .at(-1);
  if (row?.over && row.overPromptTokens !== undefined && promptTokens > row.overPromptTokens) {
    return row.over;
  }
  return row;
}
