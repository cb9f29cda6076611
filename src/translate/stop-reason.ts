import type { StopReason } from "../protocol/anthropic.ts";

/** Many servers finish a tool call with "stop". */
export function toStopReason(
  finishReason: string,
  { calls, stopSequence }: { readonly calls: number; readonly stopSequence: string | null },
): StopReason {
  if (finishReason === "length" || finishReason === "max_tokens") return "max_tokens";
  if (finishReason === "content_filter") return "refusal";
  if (calls > 0) return "tool_use";
  return stopSequence === null ? "end_turn" : "stop_sequence";
}
