import type { ChatChunk, ServerEvent, ServerMiss } from "../protocol/openai.ts";
import { countsIn } from "../translate/answer/usage.ts";
import type { Observation } from "./backend.ts";

export interface ChunkObserver {
  readonly observe: (observation: Observation) => void;
  /** The server has said something, whatever it was. */
  readonly heard: () => void;
}

/** Passes chunks on and reports what they say about the server's own work. */
export async function* observed(
  chunks: AsyncIterable<ChatChunk>,
  { observe, heard }: ChunkObserver,
): AsyncGenerator<ChatChunk> {
  for await (const chunk of chunks) {
    heard();
    const { prompt, read } = countsIn(chunk) ?? {};
    if (chunk.anyclaude) observe(toObservation(chunk.anyclaude));
    else if (prompt) {
      const cachedTokens = read === undefined ? undefined : Math.min(read, prompt);
      observe({ promptTokens: prompt, ...(cachedTokens === undefined ? {} : { cachedTokens }) });
    }
    yield chunk;
  }
}

function toObservation(event: ServerEvent): Observation {
  switch (event.event) {
    case "accepted":
      return {
        promptTokens: event.prompt_tokens,
        cachedTokens: event.cached_tokens,
        ...(event.miss ? { miss: toMiss(event.miss) } : {}),
        ...(typeof event.instruction_tokens === "number"
          ? { instructionTokens: event.instruction_tokens }
          : {}),
      };
    case "timing":
      return { prefillSeconds: event.prefill_seconds, decodeSeconds: event.decode_seconds };
    default:
      return {};
  }
}

function toMiss({ reason, position, message, part }: ServerMiss) {
  const isNumbered = typeof message === "number" && part !== "instructions";
  return {
    reason,
    position,
    part: isNumbered ? `message ${message} (${part})` : part ?? undefined,
  };
}
