import type { Evicted } from "../backend/backend.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { CacheEntry, CacheKey, CacheTier, TierName } from "./tier.ts";

export type CacheLookup =
  | {
    readonly status: "hit";
    readonly tier: TierName;
    readonly entry: CacheEntry;
    readonly evicted: Evicted;
  }
  | { readonly status: "miss"; readonly reason: "absent" | "expired" };

export interface Written {
  /** False when no tier could keep it. */
  readonly isStored: boolean;
  /** Entries that had to leave for it. */
  readonly evicted: Evicted;
}

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
    let reason: "absent" | "expired" = "absent";
    for (const [level, tier] of this.tiers.entries()) {
      const entry = await this.#attempt(tier, "get", () => tier.get(key));
      if (!entry) continue;
      if (entry.expiresAt <= this.#clock.now()) {
        reason = "expired";
        continue;
      }
      const { evicted } = await this.#write(this.tiers.slice(0, level), key, entry);
      return { status: "hit", tier: tier.name, entry, evicted };
    }
    return { status: "miss", reason };
  }

  async set(key: CacheKey, entry: CacheEntry): Promise<Written> {
    return await this.#write(this.tiers, key, entry);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const tier of this.tiers) {
      await this.#attempt(tier, "close", () => Promise.resolve(tier[Symbol.asyncDispose]()));
    }
  }

  async #write(tiers: readonly CacheTier[], key: CacheKey, entry: CacheEntry): Promise<Written> {
    let isStored = false;
    const evicted = { memory: 0, disk: 0 };
    for (const tier of tiers) {
      const left = await this.#attempt(tier, "set", () => tier.set(key, entry));
      if (left === undefined) continue;
      isStored = true;
      evicted[tier.name === "memory" ? "memory" : "disk"] += left;
    }
    return { isStored, evicted };
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
