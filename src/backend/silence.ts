import { type Clock, within } from "../core/clock.ts";
import { ProxyError } from "../core/errors.ts";
import type { Connection } from "./connection.ts";
import { isGone } from "./refusal/unreachable.ts";

export interface WatchOptions {
  readonly connection: Connection;
  readonly clock: Clock;
  /** Aborted when the client leaves. */
  readonly signal: AbortSignal;
}

/** Longer than a pause between words, shorter than anybody waits for nothing. */
const silentMs = 30_000;
const patienceMs = 5000;

/**
 * Watches over a server that is silent for long. A host can vanish without closing the connection;
 * asked anew, it is found to be gone. One that only does not answer may be busy: it is waited for.
 */
export class Watch implements Disposable {
  /** Ends the request: the client has left, or the server is gone, which its reason says. */
  readonly signal: AbortSignal;
  readonly #options: WatchOptions;
  readonly #asking = new AbortController();
  readonly #over = new AbortController();
  #heard = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.signal = AbortSignal.any([options.signal, this.#asking.signal]);
    this.#watch(this.#over.signal).catch(() => {}); // it was ended
  }

  /** The server has said something. */
  heard(): void {
    this.#heard += 1;
  }

  /** Nothing more is wanted of it. */
  leave(): void {
    this.#asking.abort(new Error("The answer has ended"));
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }

  async #watch(ended: AbortSignal): Promise<void> {
    const { connection, clock } = this.#options;
    for (;;) {
      const before = this.#heard;
      await clock.sleep(silentMs, ended);
      if (this.#heard !== before || !(await this.#isGone(ended))) continue;
      // It may have spoken meanwhile.
      if (this.#heard !== before) continue;
      const sentence = `The model server at ${connection.shown} went away while it was to answer`;
      this.#asking.abort(new ProxyError("overloaded_error", sentence));
      return;
    }
  }

  /** Any answer will do: most servers have nothing there. */
  async #isGone(ended: AbortSignal): Promise<boolean> {
    const { connection, clock } = this.#options;
    try {
      await within(
        { clock, ms: patienceMs, signal: ended },
        (signal) => connection.root("/", { signal, method: "HEAD" }),
      );
      return false;
    } catch (error) {
      return error instanceof ProxyError && isGone(error.cause);
    }
  }
}
