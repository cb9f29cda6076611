import { closeSync, existsSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

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
  // Not when it exists: closing a file gives back every lock that this process has on it.
  if (!existsSync(lock)) closeSync(openSync(lock, "a", 0o600));
  using database = new Lock(lock);
  for (let isFirst = true; !database.acquire(); isFirst = false) {
    if (isFirst) onWait();
    await delay(askAgainMs, undefined, signal ? { signal } : {});
  }
  return await work();
}

class Lock implements Disposable {
  readonly #database: DatabaseSync;

  constructor(path: string) {
    this.#database = new DatabaseSync(path);
  }

  acquire(): boolean {
    try {
      // With a journal on disk it would take room, which a full disk does not have.
      this.#database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
      return true;
    } catch (error) {
      // SQLITE_BUSY, by the words that both runtimes keep.
      if (error instanceof Error && error.message.includes("locked")) return false;
      throw error;
    }
  }

  /** Closing gives the lock back. */
  [Symbol.dispose](): void {
    this.#database.close();
  }
}
