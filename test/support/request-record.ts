import type { RequestRecord } from "../../src/monitor/record.ts";

/** An answered request with nothing known about it but what `known` says. */
export function requestRecord(known: Partial<RequestRecord> = {}): RequestRecord {
  return {
    startedAt: Date.UTC(2026, 0, 1),
    mode: "mlx",
    requestClass: "main",
    session: undefined,
    agent: undefined,
    model: "tiny",
    outcome: "answered",
    status: undefined,
    responseCache: undefined,
    promptTokens: undefined,
    prefixTokensReused: undefined,
    prefixTokensCreated: undefined,
    outputTokens: undefined,
    missReason: undefined,
    timeToFirstTokenMs: undefined,
    prefillSeconds: undefined,
    decodeSeconds: undefined,
    durationMs: 100,
    promptCost: undefined,
    ...known,
  };
}
