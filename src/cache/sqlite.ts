import { rmSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../core/clock.ts";
import { Database } from "../core/database.ts";
import type { Log } from "../core/log.ts";
import type { CacheTier } from "./tier.ts";

const schemaVersion = 1;

export interface SqliteTierOptions {
  readonly path: string;
  /** Of the file, without the pages that are free. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Survives restarts and is shared by every anyclaude of this user. */
export function createSqliteTier({ path, maxBytes, clock, log }: SqliteTierOptions): CacheTier {
  const database = new Database({ path, migrate, prepare, name: "response cache", log });
  let used = 0;

  return {
    name: "sqlite",
    async get(key) {
      return database.use(({ read, touch }) => {
        const row = read.get(key) as
          | { body: Uint8Array; stored_at: number; expires_at: number }
          | undefined;
        if (!row) return undefined;
        try {
          touch.run(nextUse(), key);
        } catch {
          // On a full disk the order of use is lost, not the answer.
        }
        return { body: row.body, storedAt: row.stored_at, expiresAt: row.expires_at };
      });
    },
    async set(key, { body, storedAt, expiresAt }) {
      return database.use((statements) => {
        statements.write.run(key, body, storedAt, expiresAt, nextUse());
        return makeRoom(statements, maxBytes);
      });
    },
    async clear() {
      database.use((_, opened) => opened.exec("DELETE FROM answer; VACUUM"));
      // A file that was set aside may still hold readable answers.
      rmSync(`${path}.damaged`, { force: true });
    },
    async size() {
      const { entries, bytes, oldest } = database.use(({ measure }) => measure.get()) as {
        entries: number;
        bytes: number;
        oldest: number | null;
      };
      return { entries, bytes, oldestAt: oldest ?? undefined };
    },
    async [Symbol.asyncDispose]() {
      database[Symbol.dispose]();
    },
  };

  /** Order of use, also between processes: milliseconds, then a counter. */
  function nextUse(): number {
    used = Math.max(used + 1, clock.now());
    return used;
  }
}

function prepare(database: DatabaseSync) {
  return {
    read: database.prepare("SELECT body, stored_at, expires_at FROM answer WHERE key = ?"),
    touch: database.prepare("UPDATE answer SET used_at = ? WHERE key = ?"),
    write: database.prepare(
      "INSERT OR REPLACE INTO answer (key, body, stored_at, expires_at, used_at) VALUES (?, ?, ?, ?, ?)",
    ),
    drop: database.prepare(
      "DELETE FROM answer WHERE key IN (SELECT key FROM answer ORDER BY used_at LIMIT ?)",
    ),
    // Known without reading a row, unlike a sum over them: it is asked after every answer.
    occupied: database.prepare(
      "SELECT (page_count - freelist_count) * page_size AS bytes " +
        "FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()",
    ),
    count: database.prepare("SELECT count(*) AS entries FROM answer"),
    measure: database.prepare(
      "SELECT count(*) AS entries, coalesce(sum(length(body)), 0) AS bytes, " +
        "min(stored_at) AS oldest FROM answer",
    ),
  };
}

/** Returns how many had to leave. */
function makeRoom({ occupied, count, drop }: ReturnType<typeof prepare>, maxBytes: number): number {
  let evicted = 0;
  while ((occupied.get() as { bytes: number }).bytes > maxBytes) {
    const { entries } = count.get() as { entries: number };
    if (entries === 0) break;
    const few = Math.ceil(entries / 20);
    drop.run(few);
    evicted += few;
  }
  return evicted;
}

/** Answers are a cache: those of another schema are dropped, not converted. */
function migrate(database: DatabaseSync, version: number): void {
  if (version === schemaVersion) return;
  database.exec(
    `DROP TABLE IF EXISTS answer;
     CREATE TABLE answer (
       key TEXT PRIMARY KEY, body BLOB NOT NULL,
       stored_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER NOT NULL
     ) WITHOUT ROWID;
     CREATE INDEX answer_by_use ON answer (used_at);
     PRAGMA user_version = ${schemaVersion}`,
  );
}
