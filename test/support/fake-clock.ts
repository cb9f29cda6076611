import type { Clock } from "../../src/core/clock.ts";

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

/** Time that stands still until `advance`. `sleepers` says who would still be waiting. */
export class FakeClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  readonly #sleepers = new Set<Sleeper>();

  get sleepers(): number {
    return this.#sleepers.size;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const sleeper = {
        until: this.#now + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      });
    });
  }

  /** Wakes in order of time, and lets everybody act before the next one is woken. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const due = [...this.#sleepers].filter(({ until }) => until <= end)
        .toSorted((a, b) => a.until - b.until)[0];
      if (!due) break;
      this.#now = Math.max(this.#now, due.until);
      due.wake();
      await settled();
    }
    this.#now = end;
  }
}

/** Returns when everything that only waits for promises has happened. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
