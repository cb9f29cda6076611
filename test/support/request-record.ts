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
    responseMiss: undefined,
    isStored: false,
    evictedFromMemory: 0,
    evictedFromDisk: 0,
    question: undefined,
    system: undefined,
    tools: undefined,
    instructionTokens: undefined,
    instructionTokensReused: undefined,
    promptTokens: undefined,
    prefixTokensReused: undefined,
    prefixTokensCreated: undefined,
    outputTokens: undefined,
    missReason: undefined,
    missPosition: undefined,
    missPart: undefined,
    timeToFirstTokenMs: undefined,
    prefillSeconds: undefined,
    decodeSeconds: undefined,
    durationMs: 100,
    generationMs: undefined,
    promptCost: undefined,
    ...known,
  };
}
