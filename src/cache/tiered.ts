import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { CacheEntry, CacheKey, CacheTier, TierName } from "./tier.ts";

export type CacheLookup =
  | { readonly status: "hit"; readonly tier: TierName; readonly entry: CacheEntry }
  | { readonly status: "miss" };

/** Fastest tier first. A hit fills the tiers above it; a failing tier is a miss, never an error. */
export class TieredCache implements AsyncDisposable {
  readonly tiers: readonly CacheTier[];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #warned = new Set<string>();

  constructor(tiers: readonly CacheTier[], { clock, log }: { clock: Clock; log: Log }) {
    this.tiers = tiers;
    this.#clock = clock;
    this.#log = log;
  }

  async get(key: CacheKey): Promise<CacheLookup> {
    for (const [level, tier] of this.tiers.entries()) {
      const entry = await this.#attempt(tier, "get", () => tier.get(key));
      if (!entry || entry.expiresAt <= this.#clock.now()) continue;
      await this.#write(this.tiers.slice(0, level), key, entry);
      return { status: "hit", tier: tier.name, entry };
    }
    return { status: "miss" };
  }

  async set(key: CacheKey, entry: CacheEntry): Promise<void> {
    await this.#write(this.tiers, key, entry);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tier of this.tiers) {
      await this.#attempt(tier, "close", () => Promise.resolve(tier[Symbol.asyncDispose]()));
    }
  }

  async #write(tiers: readonly CacheTier[], key: CacheKey, entry: CacheEntry): Promise<void> {
    for (const tier of tiers) await this.#attempt(tier, "set", () => tier.set(key, entry));
  }

  /** One warning per tier and operation: a full disk would otherwise fill the log as well. */
  async #attempt<T>(
    tier: CacheTier,
    operation: string,
    run: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      const where = `${tier.name} ${operation}`;
      if (!this.#warned.has(where)) {
        this.#warned.add(where);
        this.#log.warn("cache tier failed", { tier: tier.name, operation, error });
      }
      return undefined;
    }
  }
}
