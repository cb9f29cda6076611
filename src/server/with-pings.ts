import type { Clock } from "../core/clock.ts";
import type { MessageEvent } from "../protocol/anthropic.ts";

export interface Silence {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How long a failure may still become an HTTP status. */
  readonly holdMs: number;
  readonly everyMs: number;
  /** The header to begin with when the backend has not begun by itself. */
  readonly start: () => MessageEvent;
}

/**
 * Fills silence: after `holdMs` without any event the message starts and pings follow, so that the
 * client keeps waiting. The backend's own start is dropped then; the end carries the true usage.
 */
export async function* withPings(
  events: AsyncIterable<MessageEvent>,
  { clock, signal, holdMs, everyMs, start }: Silence,
): AsyncGenerator<MessageEvent> {
  const iterator = events[Symbol.asyncIterator]();
  const over = new AbortController();
  const sleep = (ms: number) =>
    clock.sleep(ms, AbortSignal.any([signal, over.signal])).then(() => undefined);
  let quietMs = holdMs;
  let lastAt = clock.now();
  let begun = false;
  let startedEarly = false;
  let next = iterator.next();
  // One timer for many events: it is set anew only when it fires.
  let timer = sleep(quietMs);
  next.catch(() => {});

  try {
    for (;;) {
      timer.catch(() => {});
      const result = await Promise.race([next, timer]);
      if (result === undefined) {
        const leftMs = quietMs - (clock.now() - lastAt);
        if (leftMs <= 0) {
          if (!begun) {
            begun = startedEarly = true;
            yield start();
          }
          yield { type: "ping" };
          quietMs = everyMs;
          lastAt = clock.now();
        }
        timer = sleep(Math.max(leftMs, 0) || quietMs);
        continue;
      }
      if (result.done) return;
      lastAt = clock.now();
      if (!(startedEarly && result.value.type === "message_start")) yield result.value;
      begun = true;
      quietMs = everyMs;
      next = iterator.next();
      next.catch(() => {});
    }
  } finally {
    over.abort();
    await iterator.return?.();
  }
}
