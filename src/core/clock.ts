import { setTimeout as delay } from "node:timers/promises";

/** Time, injected. Times are epoch milliseconds; a sleep always has a signal that can end it. */
export interface Clock {
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(ms, signal) {
    await delay(ms, undefined, { signal });
  },
};

export interface Patience {
  readonly clock: Clock;
  readonly ms: number;
  /** Ends the work earlier. */
  readonly signal: AbortSignal;
}

/** Gives the work a signal that aborts as a time-out does when it takes longer than `ms`. */
export async function within<T>(
  { clock, ms, signal }: Patience,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const over = new AbortController();
  clock.sleep(ms, AbortSignal.any([signal, over.signal])).then(
    () => late.abort(new DOMException(`Not done within ${ms} ms`, "TimeoutError")),
    () => {}, // it was done, or given up
  );
  try {
    return await work(AbortSignal.any([signal, late.signal]));
  } finally {
    over.abort();
  }
}
