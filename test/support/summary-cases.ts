import type { Comparison } from "../../src/monitor/equivalent.ts";
import { builtInPrices } from "../../src/monitor/prices.ts";
import type { RequestRecord } from "../../src/monitor/record.ts";
import { requestRecord } from "./request-record.ts";

interface SummaryCase {
  readonly records: readonly RequestRecord[];
  readonly comparison?: Comparison;
}

const cold = requestRecord({
  promptTokens: 19_244,
  prefixTokensReused: 0,
  prefixTokensCreated: 19_244,
  outputTokens: 21,
  timeToFirstTokenMs: 5600,
  prefillSeconds: 5.5,
});
const warm = requestRecord({
  promptTokens: 19_314,
  prefixTokensReused: 19_237,
  prefixTokensCreated: 77,
  outputTokens: 17,
  timeToFirstTokenMs: 40,
  prefillSeconds: 0.03,
});
const stored = requestRecord({
  responseCache: "sqlite",
  promptTokens: 19_244,
  outputTokens: 17,
  durationMs: 2,
  generationMs: 5900,
});
const cancelled = requestRecord({ outcome: "cancelled" });

/** The guide's sample: 125,000 tokens, 45,000 of them read and 80,000 written, at 0.80 $/M. */
const sample = { uncached: 0, read: 45_000, written5m: 0, written1h: 0 };
const haiku = "claude-3-5-haiku-20241022";
const charged = (written: Partial<typeof sample>) =>
  requestRecord({
    mode: "claude",
    model: haiku,
    promptTokens: 125_000,
    prefixTokensReused: 45_000,
    prefixTokensCreated: 80_000,
    outputTokens: 300,
    timeToFirstTokenMs: 900,
    promptCost: builtInPrices.costOf(haiku, Date.UTC(2026, 0, 1), { ...sample, ...written }),
  });

/** By the name of the golden file. */
export const summaryCases: Readonly<Record<string, SummaryCase>> = {
  "mlx": { records: [cold, warm, stored, cancelled] },
  "mlx-compared": {
    records: [cold, warm, stored],
    comparison: { model: haiku, prices: builtInPrices },
  },
  "openai-without-counts": { records: [requestRecord({ mode: "openai" })] },
  "openai-without-reuse": {
    records: [requestRecord({ mode: "openai", promptTokens: 19_244, outputTokens: 21 })],
  },
  "claude-five-minutes": { records: [charged({ written5m: 80_000 })] },
  "claude-one-hour": { records: [charged({ written1h: 80_000 })] },
};
