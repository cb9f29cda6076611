import type { Comparison } from "./equivalent.ts";
import { type EstimatedCost, toEstimatedCost } from "./metrics.ts";
import type { RequestRecord } from "./record.ts";
import { type Speeds, toSpeeds, type Totals, toTotals } from "./totals.ts";

const rule = "━".repeat(46);
// One format in every locale: scripts and golden files read this block.
const grouped = new Intl.NumberFormat("en-US");

/** The block printed after the end; undefined when there was no request. Ends in a newline. */
export function toSummary(
  records: readonly RequestRecord[],
  comparison?: Comparison,
  speeds: Speeds = toSpeeds(records),
): string | undefined {
  if (records.length === 0) return undefined;
  const totals = toTotals(records, speeds);
  const cost = costLines(toEstimatedCost(records, comparison), totals);
  const time = timeLines(totals, records.map(({ model }) => speeds.get(model)));
  return [
    "✅ Cache Performance Summary",
    rule,
    ...requestLines(totals),
    "",
    "📊 Token Usage:",
    ...tokenLines(totals),
    // A local model saves time; dollars are a comparison, if anything.
    ...(totals.promptCost ? [...cost, ...time] : [...time, ...cost]),
    rule,
    "",
  ].join("\n");
}

function requestLines({ requests, hits, misses, hitRate, failed, cancelled }: Totals): string[] {
  return [
    `  Total Requests: ${grouped.format(requests)}`,
    `  Cache Hits: ${grouped.format(hits)}`,
    `  Cache Misses: ${grouped.format(misses)}`,
    `  Hit Rate: ${percent(hitRate)}`,
    ...(failed > 0 ? [`  Failed: ${grouped.format(failed)}`] : []),
    ...(cancelled > 0 ? [`  Cancelled: ${grouped.format(cancelled)}`] : []),
  ];
}

function tokenLines(totals: Totals): string[] {
  const asked = totals.requests - totals.stored;
  if (totals.known === 0 && asked > 0) {
    return ["  Unknown: the backend did not report token counts"];
  }
  const unknown = asked - totals.known;
  const isTold = totals.reuseKnown > 0 || asked === 0;
  const told = (count: number) => isTold ? grouped.format(count) : "unknown";
  return [
    `  Total Input Tokens: ${grouped.format(totals.promptTokens)}`,
    `  Tokens from Cache: ${told(totals.prefixTokensReused)}`,
    `  Cache Creation Tokens: ${told(totals.prefixTokensCreated)}`,
    `  Prefix Reuse: ${percent(totals.reuseRate)}`,
    `  Output Tokens: ${grouped.format(totals.outputTokens)}`,
    ...(totals.stored > 0
      ? [`  Input Tokens of Cache Hits: ${grouped.format(totals.promptTokensOfHits)}`]
      : []),
    ...(unknown > 0 ? [`  Requests without Counts: ${grouped.format(unknown)}`] : []),
  ];
}

/** Writing to the cache costs more than plain input, so savings may be negative. */
function costLines(cost: EstimatedCost | null, { unpriced }: Totals): string[] {
  if (!cost) return [];
  const { rawCost, withCacheCost, savings, savingsPercent, equivalentModel } = cost;
  const label = equivalentModel ? ` (as if on ${equivalentModel}; nothing was charged)` : "";
  return [
    "",
    `💰 Estimated Cost Savings${label}:`,
    `  Without Cache: ${dollars(rawCost)}`,
    `  With Cache: ${dollars(withCacheCost)}`,
    `  Savings: ${dollars(savings)} (${percent(savingsPercent / 100)})`,
    ...(unpriced > 0 ? [`  Requests without a Price: ${grouped.format(unpriced)}`] : []),
  ];
}

/** Savings follow from what was measured, and are absent where nothing was. */
function timeLines(totals: Totals, speeds: readonly (number | undefined)[]): string[] {
  const { prefillSeconds, timeToFirstTokenP50Ms } = totals;
  const { prefillSecondsSaved, answerSecondsSaved } = totals;
  const speed = speeds.find((each) => each !== undefined);
  const lines = [
    ...(prefillSecondsSaved === undefined || speed === undefined ? [] : [
      `  Prefill Saved: ${seconds(prefillSecondsSaved)} (at the measured ${
        grouped.format(Math.round(speed))
      } tokens/s)`,
    ]),
    ...(answerSecondsSaved === undefined
      ? []
      : [`  Answers Saved: ${seconds(answerSecondsSaved)} (as long as they first took)`]),
    ...(prefillSeconds === undefined ? [] : [`  Prefill: ${seconds(prefillSeconds)}`]),
    ...(timeToFirstTokenP50Ms === undefined
      ? []
      : [`  Time to First Token (p50): ${(timeToFirstTokenP50Ms / 1000).toFixed(2)} s`]),
  ];
  return lines.length > 0 ? ["", "⏱️ Time:", ...lines] : [];
}

function seconds(amount: number): string {
  return `${amount.toFixed(1)} s`;
}

function dollars(amount: number): string {
  return `${amount < 0 ? "-" : ""}$${Math.abs(amount).toFixed(4)}`;
}

function percent(share: number | undefined): string {
  return share === undefined ? "unknown" : `${(share * 100).toFixed(1)}%`;
}
