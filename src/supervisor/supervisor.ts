import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { UserError } from "../core/user-error.ts";
import type { Child } from "./child.ts";
import { type Fetch, type ServedModel, untilDecided } from "./health.ts";
import { defaultPolicy, type Effect, type Event, type State, step } from "./machine.ts";

export interface SupervisorOptions {
  /** Where the child will answer, every time it is started. */
  readonly url: string;
  readonly token: string;
  readonly spawn: () => Child;
  /** The end of what the child wrote. */
  readonly lastWords: () => string;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Log;
}

/** Keeps one MLX server running, and holds its lease for as long as we live. */
export class Supervisor implements AsyncDisposable {
  readonly #options: SupervisorOptions;
  #state: State = { name: "stopped" };
  #child: Child | undefined;
  #timer = new AbortController();
  #watch = new AbortController();
  #model: ServedModel | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Resolves when the model can generate; rejects with what the user can do about it. */
  async start(): Promise<ServedModel> {
    this.#handle({ type: "start" });
    for (;;) {
      if (this.#state.name === "ready" && this.#model) return this.#model;
      if (this.#state.name === "failed") throw this.#failure(this.#state.reason);
      await this.#changed.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch.abort();
    this.#handle({ type: "stop" });
    await this.#child?.exited;
    this.#timer.abort();
  }

  #handle(event: Event): void {
    const [next, ...effects] = step(this.#state, event, defaultPolicy);
    if (next.name !== this.#state.name) {
      this.#options.log.info("MLX server", { state: next.name, event: event.type });
      this.#timer.abort();
    }
    this.#state = next;
    for (const effect of effects) this.#run(effect);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  #run(effect: Effect): void {
    switch (effect.type) {
      case "spawn":
        return this.#spawn();
      case "signal":
        return this.#child?.signal(effect.signal);
      case "timer": {
        this.#timer.abort();
        this.#timer = new AbortController();
        this.#options.clock.sleep(effect.ms, this.#timer.signal).then(
          () => this.#handle({ type: effect.event }),
          () => {}, // replaced or no longer wanted
        );
      }
    }
  }

  #spawn(): void {
    const child = this.#options.spawn();
    this.#child = child;
    this.#watch.abort();
    this.#watch = new AbortController();
    void this.#observe(this.#watch.signal);
    void child.exited.then((code) => {
      this.#watch.abort();
      this.#handle({ type: "exited", code });
    });
  }

  async #observe(signal: AbortSignal): Promise<void> {
    const { url, fetch, clock, log } = this.#options;
    void this.#holdLease(signal);
    try {
      const health = await untilDecided(url, { fetch, clock, signal });
      if (health.status === "ready") {
        this.#model = health.model;
        this.#handle({ type: "healthy" });
      } else this.#handle({ type: "unable", reason: health.reason });
    } catch (error) {
      if (!signal.aborted) log.warn("asking for health failed", { error });
    }
  }

  /** An open connection. The server ends itself soon after it is gone, also when we are killed. */
  async #holdLease(signal: AbortSignal): Promise<void> {
    const { url, token, fetch, clock } = this.#options;
    while (!signal.aborted) {
      try {
        const headers = { authorization: `Bearer ${token}` };
        const response = await fetch(`${url}/lease`, { headers, signal });
        const reader = response.body?.getReader();
        while (reader && !(await reader.read()).done);
      } catch {
        // Not listening yet, or gone: asked again until we are told to stop.
      }
      await clock.sleep(50, signal).catch(() => {});
    }
  }

  #failure(reason: string): UserError {
    const words = this.#options.lastWords();
    return new UserError(
      /^[A-Z]/.test(reason)
        ? reason
        : `Cannot keep the MLX server running: ${reason}; its last words were:\n${words}`,
    );
  }
}
