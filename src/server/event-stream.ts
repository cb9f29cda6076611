import { toErrorBody } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { encodeSse } from "../protocol/sse.ts";

/**
 * Bridges pulled events to a response body. Cancelling aborts before it returns the generator,
 * because a generator that is blocked on `await` does not hear `return()`.
 */
export function toEventStream(
  events: AsyncIterableIterator<{ readonly type: string }>,
  abort: AbortController,
  log: Log,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const frames = endWithErrorEvent(events, abort.signal, log);
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await frames.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(encodeSse(value)));
      },
      async cancel(reason) {
        abort.abort(reason);
        await frames.return(undefined);
        // Frames that were never pulled have not begun to read the events; nobody hears a failure now.
        await events.return?.().catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

async function* endWithErrorEvent(
  events: AsyncIterable<{ readonly type: string }>,
  signal: AbortSignal,
  log: Log,
): AsyncGenerator<{ readonly type: string }> {
  try {
    yield* events;
  } catch (error) {
    if (signal.aborted) return;
    log.warn("answer failed after its start", { error });
    yield toErrorBody(error);
  }
}
