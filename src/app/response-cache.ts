import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Backend } from "../backend/backend.ts";
import { createCachedBackend } from "../cache/cached-backend.ts";
import { createMemoryTier } from "../cache/memory.ts";
import { createSqliteTier } from "../cache/sqlite.ts";
import type { CacheTier } from "../cache/tier.ts";
import { TieredCache } from "../cache/tiered.ts";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import { randomId } from "../core/ids.ts";
import type { Log } from "../core/log.ts";
import type { CachedItems } from "../monitor/log-lines.ts";
import { UserError } from "../core/user-error.ts";

export interface ResponseCacheOptions {
  readonly config: Pick<
    Config,
    "cacheSize" | "cacheTtlHours" | "cacheDiskMegabytes" | "fresh"
  >;
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ResponseCache extends AsyncDisposable {
  readonly backend: Backend;
  readonly items: () => Promise<CachedItems>;
}

/** Answers kept in memory are bounded in bytes too: most are small, a few are not. */
const memoryMaxBytes = 64 * 1024 * 1024;

/** Where the answers of all runs are kept. */
export function responsesPath(stateFolder: string): string {
  return join(stateFolder, "responses.sqlite");
}

/** Level 1 of the caches in front of a backend: memory, then disk. Size 0 switches both off. */
export function openResponseCache(
  backend: Backend,
  identity: string,
  options: ResponseCacheOptions,
): ResponseCache {
  const { config, clock, log } = options;
  const tiers = config.cacheSize === 0 ? [] : openTiers(options);
  const cache = new TieredCache(tiers, { clock, log });
  const cached = createCachedBackend({
    ...{ backend, cache, identity, clock, newId: randomId },
    ttlMs: config.cacheTtlHours * 3_600_000,
    isFresh: config.fresh || config.cacheSize === 0,
  });
  return {
    backend: cached,
    items: async () => ({
      entries: (await tiers[0]?.size())?.entries ?? 0,
      maxEntries: config.cacheSize,
    }),
    [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose](),
  };
}

/** The answers on disk alone, for looking and clearing. Fails in the user's words. */
export function openStoredAnswers(options: ResponseCacheOptions): CacheTier {
  const { config, stateFolder, clock, log } = options;
  const path = responsesPath(stateFolder);
  const maxBytes = config.cacheDiskMegabytes * 1024 * 1024;
  try {
    mkdirSync(stateFolder, { recursive: true, mode: 0o700 });
    return createSqliteTier({ path, maxBytes, clock, log });
  } catch (cause) {
    throw new UserError(`Cannot open the response cache ${path}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function openTiers(options: ResponseCacheOptions): CacheTier[] {
  const { config, log } = options;
  const memory = createMemoryTier({ maxEntries: config.cacheSize, maxBytes: memoryMaxBytes });
  try {
    return [memory, openStoredAnswers(options)];
  } catch (error) {
    log.warn("response cache on disk cannot be used", { error });
    return [memory];
  }
}
