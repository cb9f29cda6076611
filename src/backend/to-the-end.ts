import type { Clock } from "../core/clock.ts";
import type { ChatChunk } from "../protocol/openai.ts";

export interface Ending {
  readonly clock: Clock;
  /** Breaks the request off. */
  readonly leave: () => void;
}

/** Behind the reason why an answer ended come its counts, at most. */
const graceMs = 5000;

/** A server that has said how its answer ended, and then neither goes on nor closes, is left. */
export async function* toTheEnd(
  chunks: AsyncIterable<ChatChunk>,
  { clock, leave }: Ending,
): AsyncGenerator<ChatChunk> {
  const over = new AbortController();
  let hasEnded = false;
  let isLeft = false;
  const giveUp = () => {
    isLeft = true;
    leave();
  };
  try {
    for await (const chunk of chunks) {
      if (!hasEnded && chunk.choices?.[0]?.finish_reason) {
        hasEnded = true;
        clock.sleep(graceMs, over.signal).then(giveUp, () => {});
      }
      yield chunk;
    }
  } catch (error) {
    if (!isLeft) throw error;
  } finally {
    over.abort();
  }
}
