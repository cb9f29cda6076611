import { closeSync, existsSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { isLocked } from "./database.ts";

export interface Waiting {
  /** Called once, when another process has to be waited for. */
  readonly onWait: () => void;
  readonly signal?: AbortSignal | undefined;
}

const askAgainMs = 50;

/**
 * Runs `work` while nobody else does, in this process or another one. The lock is SQLite's, on a
 * file that stays empty: the kernel takes it from an owner that dies, so that nobody has to find
 * out who still lives.
 */
export async function withExclusive<T>(
  lock: string,
  { onWait, signal }: Waiting,
  work: () => Promise<T>,
): Promise<T> {
  using opened = new Lock(lock);
  for (let tries = 1; !opened.takeAlone(); tries += 1) {
    // Two that ask at the same moment are both refused, and nobody has it: that is no waiting yet.
    if (tries === 2) onWait();
    await delay(askAgainMs * (0.5 + Math.random()), undefined, signal ? { signal } : {});
  }
  return await work();
}

/** Has the lock alone, until disposed; undefined when anybody else has it. Does not wait. */
export function takeAlone(lock: string): Disposable | undefined {
  return taken(lock, (opened) => opened.takeAlone());
}

/** Has the lock together with others who share it; undefined when somebody has it alone. */
export function takeShared(lock: string): Disposable | undefined {
  return taken(lock, (opened) => opened.takeShared());
}

function taken(path: string, take: (lock: Lock) => boolean): Disposable | undefined {
  const lock = new Lock(path);
  if (take(lock)) return lock;
  lock[Symbol.dispose]();
  return undefined;
}

class Lock implements Disposable {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    // Not when it exists: closing a file gives back every lock that this process has on it.
    if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
    this.#database = new DatabaseSync(path);
  }

  takeAlone(): boolean {
    // With a journal on disk it would take room, which a full disk does not have.
    return this.#take("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  }

  takeShared(): boolean {
    return this.#take("BEGIN; SELECT * FROM sqlite_schema");
  }

  #take(statements: string): boolean {
    try {
      this.#database.exec(statements);
      return true;
    } catch (error) {
      if (isLocked(error)) return false;
      throw error;
    }
  }

  /** Closing gives the lock back. */
  [Symbol.dispose](): void {
    this.#database.close();
  }
}
