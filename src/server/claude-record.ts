import type { PromptIdentity, RequestOrigin } from "../backend/backend.ts";
import type { Prices } from "../monitor/prices.ts";
import { type RequestRecord, toShortIdentity } from "../monitor/record.ts";
import type { Tapped } from "./usage-tap.ts";

export interface ClaudeRequest {
  readonly startedAt: number;
  readonly endedAt: number;
  readonly origin: RequestOrigin;
  readonly body: Uint8Array | undefined;
  /** Undefined when the request could not be read. */
  readonly prompt: PromptIdentity | undefined;
}

export interface Ended {
  readonly outcome: "ended" | "failed" | "cancelled";
  readonly status: number | undefined;
  readonly tapped: Tapped;
}

/** The record of a request that Anthropic answered, from what it said about it. */
export function toClaudeRecord(
  { startedAt, endedAt, origin, body, prompt }: ClaudeRequest,
  { outcome, status, tapped }: Ended,
  prices: Prices,
): RequestRecord {
  const model = tapped.model ?? modelIn(body);
  const written1h = tapped.cacheCreation1h ?? 0;
  const charged = tapped.input === undefined ? undefined : {
    uncached: tapped.input,
    read: tapped.cacheRead ?? 0,
    // What is not said to live for an hour lives for five minutes: Anthropic's default.
    written5m: tapped.cacheCreation5m ?? (tapped.cacheCreation ?? 0) - written1h,
    written1h,
  };
  return {
    startedAt,
    mode: "claude",
    model,
    session: origin.session,
    agent: origin.agent,
    requestClass: origin.requestClass,
    outcome: tapped.isComplete ? "answered" : outcome === "cancelled" ? "cancelled" : "failed",
    status: status !== undefined && status >= 400 ? status : undefined,
    responseCache: undefined,
    responseMiss: undefined,
    isStored: false,
    evictedFromMemory: 0,
    evictedFromDisk: 0,
    ...toShortIdentity(prompt),
    instructionTokens: undefined,
    instructionTokensReused: undefined,
    promptTokens: charged &&
      charged.uncached + charged.read + charged.written5m + charged.written1h,
    prefixTokensReused: charged?.read,
    prefixTokensCreated: charged && charged.written5m + charged.written1h,
    outputTokens: tapped.output,
    missReason: undefined,
    missPosition: undefined,
    missPart: undefined,
    timeToFirstTokenMs: tapped.firstTokenAt && tapped.firstTokenAt - startedAt,
    prefillSeconds: undefined,
    decodeSeconds: undefined,
    durationMs: endedAt - startedAt,
    generationMs: undefined,
    promptCost: charged && prices.costOf(model, startedAt, charged),
  };
}

function modelIn(body: Uint8Array | undefined): string {
  try {
    const { model } = JSON.parse(new TextDecoder().decode(body)) as { model?: unknown };
    if (typeof model === "string") return model;
  } catch {
    // not ours to refuse: Anthropic has said what is wrong with it
  }
  return "unknown";
}
