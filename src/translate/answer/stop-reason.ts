import { ProxyError } from "../../core/errors.ts";
import type { StopReason } from "../../protocol/anthropic.ts";

/** Servers' words for why an answer ended, in lower case. All others mean that it is complete. */
const cutShort = new Set(["length", "max_tokens", "max_output_tokens", "model_length"]);
const refused = new Set(["content_filter", "refusal", "safety", "sensitive", "recitation"]);
/** SGLang and vLLM, OpenRouter, GLM, DeepSeek: the server gave up. */
const failed = new Set(["abort", "error", "network_error", "insufficient_system_resource"]);

export function isCutShort(finishReason: string): boolean {
  return cutShort.has(finishReason.toLowerCase());
}

/** An answer that its server gave up is not one, however it ends. */
export function checkFinishReason(finishReason: string): void {
  if (!failed.has(finishReason.toLowerCase())) return;
  const words = `The model server gave up its answer (${finishReason})`;
  throw new ProxyError("overloaded_error", words);
}

/** Many servers finish a tool call with "stop", and some an answer without one with "tool_calls". */
export function toStopReason(
  finishReason: string,
  { calls, hasRefused, stopSequence }: {
    readonly calls: number;
    /** True when the model refused in so many words. */
    readonly hasRefused: boolean;
    readonly stopSequence: string | null;
  },
): StopReason {
  if (isCutShort(finishReason)) return "max_tokens";
  if (hasRefused || refused.has(finishReason.toLowerCase())) return "refusal";
  if (calls > 0) return "tool_use";
  return stopSequence === null ? "end_turn" : "stop_sequence";
}
