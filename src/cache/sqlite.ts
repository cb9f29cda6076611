import { closeSync, existsSync, openSync, renameSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { CacheKey, CacheTier, TierSize } from "./tier.ts";

const schemaVersion = 1;

export interface SqliteTierOptions {
  readonly path: string;
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Survives restarts and is shared by every anyclaude of this user. A damaged or foreign file is
 * set aside as `<path>.damaged` and started anew.
 */
export function createSqliteTier(
  { path, maxBytes, clock, log }: SqliteTierOptions,
): CacheTier {
  const database = openOrReplace(path, log);
  const read = database.prepare("SELECT body, stored_at, expires_at FROM answer WHERE key = ?");
  const touch = database.prepare("UPDATE answer SET used_at = ? WHERE key = ?");
  const write = database.prepare(
    "INSERT OR REPLACE INTO answer (key, body, stored_at, expires_at, used_at) VALUES (?, ?, ?, ?, ?)",
  );
  const measure = database.prepare(
    "SELECT count(*) AS entries, coalesce(sum(length(body)), 0) AS bytes, " +
      "min(stored_at) AS oldest FROM answer",
  );
  const drop = database.prepare(
    "DELETE FROM answer WHERE key IN (SELECT key FROM answer ORDER BY used_at LIMIT ?)",
  );
  let evicted = 0;
  let used = 0;

  function size(): TierSize {
    const { entries, bytes, oldest } = measure.get() as {
      entries: number;
      bytes: number;
      oldest: number | null;
    };
    return { entries, bytes, oldestAt: oldest ?? undefined, evicted };
  }

  function makeRoom(): void {
    let { entries, bytes } = size();
    while (bytes > maxBytes && entries > 0) {
      const few = Math.max(1, Math.ceil(entries / 20));
      drop.run(few);
      evicted += few;
      ({ entries, bytes } = size());
    }
  }

  return {
    name: "sqlite",
    async get(key) {
      const row = read.get(key) as
        | { body: Uint8Array; stored_at: number; expires_at: number }
        | undefined;
      if (!row) return undefined;
      touch.run(nextUse(), key);
      return { body: row.body, storedAt: row.stored_at, expiresAt: row.expires_at };
    },
    async set(key: CacheKey, { body, storedAt, expiresAt }) {
      write.run(key, body, storedAt, expiresAt, nextUse());
      makeRoom();
    },
    async clear() {
      database.exec("DELETE FROM answer; VACUUM");
      // A file that was set aside may still hold readable answers.
      rmSync(`${path}.damaged`, { force: true });
    },
    async size() {
      return size();
    },
    async [Symbol.asyncDispose]() {
      database.close();
    },
  };

  /** Order of use, also between processes: milliseconds, then a counter. */
  function nextUse(): number {
    used = Math.max(used + 1, clock.now());
    return used;
  }
}

function openOrReplace(path: string, log: Log): DatabaseSync {
  try {
    return open(path);
  } catch (error) {
    if (!isDamaged(error) || !existsSync(path)) throw error;
    const aside = `${path}.damaged`;
    renameSync(path, aside);
    for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
    log.warn("response cache was damaged and starts anew", { aside });
    return open(path);
  }
}

function open(path: string): DatabaseSync {
  // SQLite gives its side files the mode of the file itself.
  if (path !== ":memory:") closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path);
  try {
    // Another anyclaude may be writing: wait for it rather than fail.
    database.exec("PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = NORMAL");
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Answers are a cache: those of another schema are dropped, not converted. */
function migrate(database: DatabaseSync): void {
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as {
    user_version: number;
  };
  if (version !== schemaVersion) database.exec("DROP TABLE IF EXISTS answer");
  database.exec(
    `CREATE TABLE IF NOT EXISTS answer (
       key TEXT PRIMARY KEY, body BLOB NOT NULL,
       stored_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER NOT NULL
     ) WITHOUT ROWID;
     CREATE INDEX IF NOT EXISTS answer_by_use ON answer (used_at);
     PRAGMA user_version = ${schemaVersion}`,
  );
}

/** SQLITE_CORRUPT or SQLITE_NOTADB, by the words that both runtimes keep. */
function isDamaged(error: unknown): boolean {
  return error instanceof Error && /malformed|not a database/.test(error.message);
}
