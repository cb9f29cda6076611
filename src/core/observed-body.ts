export interface BodyObserver {
  readonly chunk: (bytes: Uint8Array) => void;
  /** The reader wants no more; called before the source is told. */
  readonly leave?: () => void;
  /** Once, after everything else. `broken`: the source failed. */
  readonly end: (outcome: "ended" | "cancelled" | "broken") => void | Promise<void>;
}

/** The same chunks, pulled one by one, each shown to the observer after it has passed. */
export function observedBody(
  bytes: ReadableStream<Uint8Array>,
  { chunk, leave, end }: BodyObserver,
): ReadableStream<Uint8Array> {
  const reader = bytes.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          controller.enqueue(value);
          chunk(value);
          return;
        }
        controller.close();
      } catch (error) {
        controller.error(error);
        await end("broken");
        return;
      }
      await end("ended");
    },
    async cancel(reason) {
      leave?.();
      await reader.cancel(reason).catch(() => {}); // it may have been aborted
      await end("cancelled");
    },
  }, { highWaterMark: 0 });
}
