import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Log } from "./log.ts";

export interface DatabaseOptions<Statements> {
  readonly path: string;
  /** Brings the tables from `version` to what the program expects; 0 is a new file. May throw. */
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
    database.exec("PRAGMA busy_timeout = 2000; PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = NORMAL");
    const { user_version: version } = database.prepare("PRAGMA user_version").get() as {
      user_version: number;
    };
    migrate(database, version);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

/** SQLITE_CORRUPT or SQLITE_NOTADB, by the words that both runtimes keep. */
function isDamaged(error: unknown): boolean {
  return error instanceof Error && /malformed|not a database/.test(error.message);
}
