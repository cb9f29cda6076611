import type { Usage } from "../../protocol/anthropic.ts";
import type { ChatChunk } from "../../protocol/openai.ts";

/** What a server has said about tokens so far. What is not known is not there. */
export interface TokenCounts {
  readonly prompt?: number;
  /** Of the prompt: read from a cache. */
  readonly read?: number;
  /** Of the prompt: written to one. */
  readonly created?: number;
  readonly output?: number;
}

/** The counts of one chunk; undefined when it has none. */
export function countsIn({ usage, choices, timings, anyclaude }: ChatChunk) {
  if (anyclaude?.event === "accepted") {
    return known({ prompt: anyclaude.prompt_tokens, read: anyclaude.cached_tokens });
  }
  const said = usage ?? choices?.[0]?.usage;
  if (!said && !timings) return undefined;
  const details = said?.prompt_tokens_details;
  const computed = countOf(timings?.prompt_n);
  const cached = countOf(timings?.cache_n);
  return known({
    prompt: said?.prompt_tokens ??
      (computed === undefined ? undefined : computed + (cached ?? 0)),
    read: details?.cached_tokens ?? said?.cached_tokens ?? said?.prompt_cache_hit_tokens ??
      said?.cache_read_input_tokens ?? cached,
    created: details?.cache_write_tokens ?? details?.created_cache_tokens ??
      said?.cache_creation_input_tokens,
    output: said?.completion_tokens ?? timings?.predicted_n,
  });
}

/** Servers that repeat their usage leave out, or set to zero, what they have said before. */
export function withCounts(before: TokenCounts, { prompt, output, ...rest }: TokenCounts) {
  return { ...before, ...rest, ...(prompt ? { prompt } : {}), ...(output ? { output } : {}) };
}

/**
 * Disjoint counts whose sum is the prompt. A server of ours keeps what it computes, so the rest of
 * the prompt is a cache creation there; of others we know only what they say. Unknown counts are 0:
 * the client then falls back on its own estimate.
 */
export function toUsage(
  { prompt = 0, read = 0, created = 0, output = 0 }: TokenCounts,
  { createsCache }: { readonly createsCache: boolean },
): Usage {
  const reused = Math.min(read, prompt);
  const kept = createsCache ? prompt - reused : Math.min(created, prompt - reused);
  return {
    input_tokens: prompt - reused - kept,
    cache_read_input_tokens: reused,
    cache_creation_input_tokens: kept,
    output_tokens: output,
  };
}

function known(counts: { readonly [Name in keyof TokenCounts]: unknown }): TokenCounts {
  const found = Object.entries(counts).flatMap(([name, value]) => {
    const count = countOf(value);
    return count === undefined ? [] : [[name, count]];
  });
  return Object.fromEntries(found) as TokenCounts;
}

function countOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
