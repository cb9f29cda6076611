import type { Usage } from "../protocol/anthropic.ts";
import type { ChatUsage } from "../protocol/openai.ts";

/**
 * Disjoint counts whose sum is the prompt. A server of ours keeps what it computes, so the rest of
 * the prompt is a cache creation there; of others we know only what was read from a cache.
 * Unknown counts are 0: the client then falls back on its own estimate.
 */
export function toUsage(
  usage: ChatUsage | undefined,
  { createsCache }: { readonly createsCache: boolean },
): Usage {
  const prompt = countOf(usage?.prompt_tokens);
  const read = Math.min(countOf(usage?.prompt_tokens_details?.cached_tokens), prompt);
  return {
    input_tokens: createsCache ? 0 : prompt - read,
    cache_read_input_tokens: read,
    cache_creation_input_tokens: createsCache ? prompt - read : 0,
    output_tokens: countOf(usage?.completion_tokens),
  };
}

function countOf(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 ? value : 0;
}
