import type { Clock } from "../core/clock.ts";
import type { Fetch } from "../core/fetch.ts";
import type { Log } from "../core/log.ts";
import { UserError } from "../core/user-error.ts";
import { type Asking, type ServedModel, untilDecided } from "./health.ts";
import type { Server } from "./launch.ts";
import type { Address } from "./lease.ts";
import { defaultPolicy, type Effect, type Event, type State, step } from "./machine.ts";

export interface SupervisorOptions {
  /**
   * Finds a server or starts one. Rejects with a UserError when that cannot succeed, with anything
   * else when it may the next time.
   */
  readonly attach: (asking: Asking) => Promise<Server>;
  /** Called again and again while the server loads its model. */
  readonly onLoading: (waitedMs: number) => void;
  /** What to do about a server that dies again and again, and the end of what it wrote. */
  readonly lastWords: () => string;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly log: Log;
}

/** Sees to it that there is a server, and holds its lease for as long as we live. */
export class Supervisor implements AsyncDisposable {
  readonly #options: SupervisorOptions;
  #state: State = { name: "stopped" };
  #timer = new AbortController();
  /** Until the server in hand is let go. */
  #holding = new AbortController();
  #attaching: Promise<Server | undefined> = Promise.resolve(undefined);
  #leaving: Promise<void> = Promise.resolve();
  #address: Address | undefined;
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

  /** Where the server was last seen: another place each time it is started. */
  address(): Address {
    if (this.#state.name === "failed") throw this.#failure(this.#state.reason);
    if (!this.#address) throw new Error("Asked for the address of a server that never was ready");
    return this.#address;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#handle({ type: "stop" });
    this.#timer.abort();
    await this.#leaving;
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
      case "attach":
        this.#holding = new AbortController();
        this.#attaching = this.#attach(this.#holding.signal);
        return;
      case "release":
        this.#holding.abort();
        this.#leaving = this.#attaching.then((server) => server?.leave());
        return;
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

  async #attach(signal: AbortSignal): Promise<Server | undefined> {
    const { attach, fetch, clock } = this.#options;
    const tell = (event: Event) => signal.aborted || this.#handle(event);
    const asking = { fetch, clock, signal };
    try {
      const server = await attach(asking);
      void server.ended.then((how) => tell({ type: "lost", how }));
      void this.#untilReady(server, asking).then(tell, () => {}); // let go before it was decided
      return server;
    } catch (error) {
      tell(toFailure(error));
      return undefined;
    }
  }

  async #untilReady({ address }: Server, asking: Asking): Promise<Event> {
    const health = await untilDecided(address.url, asking, this.#options.onLoading);
    if (health.status === "failed") return { type: "unable", reason: health.reason };
    const { model } = health;
    // Answers of another model may not pass for those of the one that was begun with.
    if (this.#model && this.#model.fingerprint !== model.fingerprint) {
      const reason = `The model ${model.id} has changed on disk: start anyclaude again`;
      return { type: "unable", reason };
    }
    this.#address = address;
    this.#model = model;
    return { type: "healthy" };
  }

  #failure(reason: string): UserError {
    return new UserError(
      /^[A-Z]/.test(reason)
        ? reason
        : `Cannot keep the MLX server running: ${reason}. ${this.#options.lastWords()}`,
    );
  }
}

function toFailure(error: unknown): Event {
  if (error instanceof UserError) return { type: "unable", reason: error.message };
  return { type: "lost", how: error instanceof Error ? error.message : String(error) };
}
