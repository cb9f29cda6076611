import { LRUCache } from "lru-cache";
import type { CacheEntry, CacheKey, CacheTier } from "./tier.ts";

// A map node, a key and two numbers, estimated from the heap of a filled cache.
const entryOverheadBytes = 256;

/** Least recently used goes first, by entries and by bytes. */
export function createMemoryTier(
  { maxEntries, maxBytes }: { readonly maxEntries: number; readonly maxBytes: number },
): CacheTier {
  let evicted = 0;
  const entries = new LRUCache<CacheKey, CacheEntry>({
    max: maxEntries,
    maxSize: maxBytes,
    sizeCalculation: ({ body }, key) => body.byteLength + key.length + entryOverheadBytes,
    dispose: (_entry, _key, reason) => {
      if (reason === "evict") evicted += 1;
    },
  });

  return {
    name: "memory",
    async get(key) {
      return entries.get(key);
    },
    async set(key, entry) {
      const before = evicted;
      entries.set(key, entry);
      return evicted - before;
    },
    async clear() {
      entries.clear();
    },
    async size() {
      const stored = entries.values().map(({ storedAt }) => storedAt);
      const oldestAt = stored.reduce((oldest, at) => Math.min(oldest, at), Infinity);
      return {
        entries: entries.size,
        bytes: entries.calculatedSize,
        oldestAt: Number.isFinite(oldestAt) ? oldestAt : undefined,
      };
    },
    async [Symbol.asyncDispose]() {
      entries.clear();
    },
  };
}
