import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../core/clock.ts";
import { Database } from "../core/database.ts";
import type { Log } from "../core/log.ts";
import type { RequestRecord } from "./record.ts";

/** A record of any run, with the folder in which that run was started; undefined for `serve`. */
export type StoredRecord = RequestRecord & { readonly project: string | undefined };

export interface RecordStore extends Disposable {
  add(record: StoredRecord): void;
  /** Oldest first. */
  since(startedAt: number): readonly StoredRecord[];
}

export interface RecordStoreOptions {
  readonly path: string;
  readonly retentionDays: number;
  readonly clock: Clock;
  readonly log: Log;
}

const schemaVersion = 1;
const dayMs = 24 * 3_600_000;

/** Every field of a record but its cost, which has two columns. */
const columns: Readonly<Record<Exclude<keyof StoredRecord, "promptCost">, string>> = {
  startedAt: "started_at INTEGER NOT NULL",
  mode: "mode TEXT NOT NULL",
  project: "project TEXT",
  requestClass: "request_class TEXT",
  session: "session TEXT",
  agent: "agent TEXT",
  model: "model TEXT NOT NULL",
  outcome: "outcome TEXT NOT NULL",
  status: "status INTEGER",
  responseCache: "response_cache TEXT",
  responseMiss: "response_miss TEXT",
  isStored: "is_stored INTEGER NOT NULL",
  evictedFromMemory: "evicted_from_memory INTEGER NOT NULL",
  evictedFromDisk: "evicted_from_disk INTEGER NOT NULL",
  question: "question TEXT",
  system: "system TEXT",
  tools: "tools TEXT",
  instructionTokens: "instruction_tokens INTEGER",
  instructionTokensReused: "instruction_tokens_reused INTEGER",
  promptTokens: "prompt_tokens INTEGER",
  prefixTokensReused: "prefix_tokens_reused INTEGER",
  prefixTokensCreated: "prefix_tokens_created INTEGER",
  outputTokens: "output_tokens INTEGER",
  missReason: "miss_reason TEXT",
  missPosition: "miss_position INTEGER",
  missPart: "miss_part TEXT",
  timeToFirstTokenMs: "time_to_first_token_ms REAL",
  prefillSeconds: "prefill_seconds REAL",
  decodeSeconds: "decode_seconds REAL",
  durationMs: "duration_ms REAL NOT NULL",
  generationMs: "generation_ms REAL",
};
const fields = Object.keys(columns) as (keyof typeof columns)[];
const names = fields.map((field) => columns[field].split(" ")[0] ?? "");
const costs = ["cost_without_cache", "cost_with_cache"] as const;

/** The records of all runs of this user. What is older than the retention is removed at opening. */
export function openRecordStore(
  { path, retentionDays, clock, log }: RecordStoreOptions,
): RecordStore {
  const database = new Database({ path, migrate, prepare, name: "request history", log });
  database.use(({ expire }) => expire.run(clock.now() - retentionDays * dayMs));
  return {
    add(record) {
      const { promptCost } = record;
      const values = fields.map((field) => toColumn(record[field]));
      const cost = [promptCost?.withoutCache ?? null, promptCost?.withCache ?? null];
      database.use(({ insert }) => insert.run(...values, ...cost));
    },
    since(startedAt) {
      const rows = database.use(({ select }) => select.all(startedAt));
      return (rows as Row[]).map(toRecord);
    },
    [Symbol.dispose]() {
      database[Symbol.dispose]();
    },
  };
}

type Row = Readonly<Record<string, string | number | null>>;

function prepare(database: DatabaseSync) {
  const all = [...names, ...costs];
  return {
    insert: database.prepare(
      `INSERT INTO request (${all.join(", ")}) VALUES (${all.map(() => "?").join(", ")})`,
    ),
    select: database.prepare(
      `SELECT ${all.join(", ")} FROM request WHERE started_at >= ? ORDER BY started_at, rowid`,
    ),
    expire: database.prepare("DELETE FROM request WHERE started_at < ?"),
  };
}

function migrate(database: DatabaseSync, version: number): void {
  if (version > schemaVersion) throw new Error("it was written by a newer anyclaude");
  const all = [...Object.values(columns), ...costs.map((name) => `${name} REAL`)];
  if (version < schemaVersion) {
    database.exec(
      `CREATE TABLE request (${all.join(", ")});
       CREATE INDEX request_by_start ON request (started_at);
       PRAGMA user_version = ${schemaVersion}`,
    );
  }
  const present = database.prepare("SELECT name FROM pragma_table_info('request')").all();
  const known = new Set(present.map(({ name }) => name));
  // An earlier anyclaude did not write it; one that does not know it leaves it empty.
  const missing = all.filter((column) => !known.has(column.split(" ")[0] ?? ""));
  for (const column of missing) database.exec(`ALTER TABLE request ADD COLUMN ${column}`);
}

function toColumn(value: string | number | boolean | undefined): string | number | null {
  return typeof value === "boolean" ? Number(value) : value ?? null;
}

function toRecord(row: Row): StoredRecord {
  const known = Object.fromEntries(
    fields.map((field, index) => [field, row[names[index] ?? ""] ?? undefined]),
  );
  const [withoutCache, withCache] = costs.map((name) => row[name] ?? undefined);
  const promptCost = withoutCache === undefined ? undefined : { withoutCache, withCache };
  // Only `add` of this schema writes these columns.
  return { ...known, isStored: known["isStored"] === 1, promptCost } as unknown as StoredRecord;
}
