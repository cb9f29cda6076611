/**
 * One generation that several requests watch. Everything said so far is kept for those who come
 * later, so the buffer grows to the size of one answer. The last one to leave stops the source.
 */
export class Flight<T> {
  readonly #said: T[] = [];
  readonly #abort = new AbortController();
  readonly #onEnd: () => void;
  #end: { readonly error?: unknown } | undefined;
  #watchers = 0;
  #changed = Promise.withResolvers<void>();

  constructor(open: (signal: AbortSignal) => AsyncIterable<T>, onEnd: () => void) {
    this.#onEnd = onEnd;
    void this.#run(open(this.#abort.signal));
  }

  async *watch(signal: AbortSignal): AsyncGenerator<T> {
    const left = Promise.withResolvers<never>();
    // Nobody may be waiting for it when the client leaves.
    left.promise.catch(() => {});
    const leave = () => left.reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    this.#watchers += 1;
    try {
      for (let next = 0;; next += 1) {
        while (next >= this.#said.length) {
          signal.throwIfAborted();
          if (this.#end) {
            if ("error" in this.#end) throw this.#end.error;
            return;
          }
          await Promise.race([this.#changed.promise, left.promise]);
        }
        yield this.#said[next] as T;
      }
    } finally {
      signal.removeEventListener("abort", leave);
      this.#watchers -= 1;
      if (this.#watchers === 0 && !this.#end) {
        // A new request for the same answer must not join what is being stopped.
        this.#onEnd();
        this.#abort.abort(new Error("Nobody is waiting for the answer"));
      }
    }
  }

  async #run(source: AsyncIterable<T>): Promise<void> {
    try {
      for await (const item of source) {
        this.#said.push(item);
        this.#announce();
      }
      this.#end = {};
    } catch (error) {
      this.#end = { error };
    }
    this.#onEnd();
    this.#announce();
  }

  #announce(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
