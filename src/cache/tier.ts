export type CacheKey = string & { readonly brand: "CacheKey" };

export interface CacheEntry {
  readonly body: Uint8Array;
  /** Epoch milliseconds. */
  readonly storedAt: number;
  readonly expiresAt: number;
}

export interface TierSize {
  readonly entries: number;
  readonly bytes: number;
  /** Epoch milliseconds; undefined when there is none. */
  readonly oldestAt: number | undefined;
}

export type TierName = "memory" | "sqlite";

/** A dumb store with its own eviction. Freshness, back-fill and failures are `tiered.ts`'s business. */
export interface CacheTier extends AsyncDisposable {
  readonly name: TierName;
  get(key: CacheKey): Promise<CacheEntry | undefined>;
  /** Resolves to the number of entries that had to leave for this one. */
  set(key: CacheKey, entry: CacheEntry): Promise<number>;
  clear(): Promise<void>;
  size(): Promise<TierSize>;
}
