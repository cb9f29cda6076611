import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Log } from "./log.ts";

const patienceMs = 2000;
const askAgainMs = 5;

export interface DatabaseOptions<Statements> {
  readonly path: string;
  /**
   * Brings the tables from `version` to what the program expects, in a transaction of its own; 0 is
   * a new file. May throw.
   */
  readonly migrate: (database: DatabaseSync, version: number) => void;
  readonly prepare: (database: DatabaseSync) => Statements;
  /** What a warning calls it. */
  readonly name: string;
  readonly log: Log;
}

/**
 * A SQLite file that several anyclaudes may use at once, readable by its owner alone. A damaged one
 * is set aside as `<path>.damaged` and started anew, with one warning.
 */
export class Database<Statements> implements Disposable {
  readonly #options: DatabaseOptions<Statements>;
  #database: DatabaseSync;
  #statements: Statements;
  /** Another anyclaude may have replaced the file meanwhile. */
  #inode: number | undefined;

  constructor(options: DatabaseOptions<Statements>) {
    this.#options = options;
    try {
      this.#database = open(options);
    } catch (error) {
      if (!isDamaged(error) || !existsSync(options.path)) throw error;
      setAside(options);
      this.#database = open(options);
    }
    this.#statements = options.prepare(this.#database);
    this.#inode = inodeOf(options.path);
  }

  /** Damage may show itself only when its page is read; then `run` is tried again on a new file. */
  use<T>(run: (statements: Statements, database: DatabaseSync) => T): T {
    try {
      return run(this.#statements, this.#database);
    } catch (error) {
      if (!isDamaged(error)) throw error;
      this.#replace();
      return run(this.#statements, this.#database);
    }
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #replace(): void {
    this.#database.close();
    const { path } = this.#options;
    if (inodeOf(path) === this.#inode) setAside(this.#options);
    this.#database = open(this.#options);
    this.#statements = this.#options.prepare(this.#database);
    this.#inode = inodeOf(path);
  }
}

function setAside<T>({ path, name, log }: DatabaseOptions<T>): void {
  const aside = `${path}.damaged`;
  renameSync(path, aside);
  for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
  log.warn(`${name} was damaged and starts anew`, { aside });
}

function open<T>({ path, migrate }: DatabaseOptions<T>): DatabaseSync {
  // SQLite gives its side files the mode of the file itself.
  if (path !== ":memory:") closeSync(openSync(path, "a", 0o600));
  const database = new DatabaseSync(path);
  try {
    // Another anyclaude may be writing: wait for it rather than fail.
    database.exec(`PRAGMA busy_timeout = ${patienceMs}; PRAGMA synchronous = NORMAL`);
    writeAhead(database);
    // At once, because another anyclaude may be doing the same.
    database.exec("BEGIN IMMEDIATE");
    const { user_version: version } = database.prepare("PRAGMA user_version").get() as {
      user_version: number;
    };
    migrate(database, version);
    database.exec("COMMIT");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Two that make a new file at once: SQLite refuses one of them here without any waiting. */
function writeAhead(database: DatabaseSync): void {
  for (const deadline = performance.now() + patienceMs;;) {
    try {
      database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!isLocked(error) || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, askAgainMs);
    }
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** SQLITE_CORRUPT or SQLITE_NOTADB, by the words that both runtimes keep. */
function isDamaged(error: unknown): boolean {
  return error instanceof Error && /malformed|not a database/.test(error.message);
}

/** SQLITE_BUSY, by the words that both runtimes keep. */
export function isLocked(error: unknown): boolean {
  return error instanceof Error && error.message.includes("locked");
}
