import { readFileSync } from "node:fs";
import * as v from "valibot";
import { UserError } from "../core/user-error.ts";
import table from "./prices.json" with { type: "json" };

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

export interface Prices {
  /** Beginnings of the names that have a price. */
  readonly models: readonly string[];
  /** Undefined for a model or a day that the table does not have: nothing is guessed. */
  costOf(model: string, at: number, tokens: ChargedTokens): PromptCost | undefined;
}

const dollars = v.pipe(v.number("expected a number"), v.minValue(0, "expected 0 or more"));
/** USD per million tokens. */
const price = {
  input: dollars,
  output: dollars,
  cacheWrite5m: dollars,
  cacheWrite1h: dollars,
  cacheRead: dollars,
};
const tableSchema = v.strictObject({
  note: v.optional(v.string()),
  models: v.array(
    v.strictObject({
      ...price,
      /** A model has the row with the longest `id` that its name begins with. */
      id: v.pipe(v.string("expected text"), v.nonEmpty("expected some text")),
      /** The first day on which the row holds. */
      since: v.pipe(v.string("expected text"), v.isoDate("expected a day such as 2026-11-24")),
      /** For prompts of more tokens than this `over` holds, on every one of them. */
      overPromptTokens: v.optional(v.pipe(v.number("expected a number"), v.integer())),
      over: v.optional(v.strictObject(price)),
    }),
    "expected a list",
  ),
}, "expected an object with a list of models");

type PriceRow = v.InferOutput<typeof tableSchema>["models"][number];
type Price = Omit<PriceRow, "id" | "since" | "over" | "overPromptTokens">;

export const builtInPrices: Prices = createPrices(table.models);

/** The rows of a file of the user's in front of the built-in ones. */
export function loadPrices(path: string): Prices {
  return createPrices([...table.models, ...readRows(path)]);
}

/** Of two rows for the same model and day the later one holds. */
export function createPrices(rows: readonly PriceRow[]): Prices {
  return {
    models: [...new Set(rows.map(({ id }) => id))],
    costOf(model, at, { uncached, read, written5m, written1h }) {
      const total = uncached + read + written5m + written1h;
      const found = priceOf(rows, model, new Date(at).toISOString().slice(0, 10), total);
      if (!found) return undefined;
      const withCache = uncached * found.input + read * found.cacheRead +
        written5m * found.cacheWrite5m + written1h * found.cacheWrite1h;
      return { withoutCache: total * found.input / 1e6, withCache: withCache / 1e6 };
    },
  };
}

function priceOf(
  rows: readonly PriceRow[],
  model: string,
  day: string,
  promptTokens: number,
): Price | undefined {
  const named = rows.filter(({ id }) => model.startsWith(id));
  const longest = Math.max(...named.map(({ id }) => id.length));
  const row = named
    .filter(({ id, since }) => id.length === longest && since <= day)
    .toSorted((a, b) => a.since < b.since ? -1 : a.since > b.since ? 1 : 0)
    .at(-1);
  if (row?.over && row.overPromptTokens !== undefined && promptTokens > row.overPromptTokens) {
    return row.over;
  }
  return row;
}

function readRows(path: string): readonly PriceRow[] {
  const refuse = (why: string, cause?: unknown) =>
    new UserError(`Cannot use the price file ${path} (pricesFile): ${why}`, { cause, exitCode: 2 });
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw refuse(cause instanceof SyntaxError ? "it is not JSON" : (cause as Error).message, cause);
  }
  const parsed = v.safeParse(tableSchema, value, { abortEarly: true });
  if (parsed.success) return parsed.output.models;
  const [issue] = parsed.issues;
  const where = issue.path?.map(({ key }) => String(key)).join(".") ?? "the whole file";
  throw refuse(
    `${where}: ${issue.expected === "never" ? "there is no such field" : issue.message}`,
  );
}
