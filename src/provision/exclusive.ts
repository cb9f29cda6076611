import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

const askAgainMs = 200;

/**
 * Runs `work` while no other process does, across processes. The lock is a folder that holds its
 * owner's process id; that of a dead owner is taken over.
 */
export async function withExclusive(
  lock: string,
  tell: (line: string) => void,
  work: () => Promise<void>,
): Promise<void> {
  let waiting = false;
  while (!acquire(lock)) {
    if (!waiting) tell("Waiting for another anyclaude that is doing the same");
    waiting = true;
    await delay(askAgainMs);
  }
  try {
    await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/** A folder with its owner inside appears at once, by renaming, so that no lock is without owner. */
function acquire(lock: string): boolean {
  const mine = `${lock}.${process.pid}`;
  mkdirSync(mine, { recursive: true, mode: 0o700 });
  writeFileSync(join(mine, "owner"), String(process.pid), { mode: 0o600 });
  try {
    renameSync(mine, lock);
    return true;
  } catch {
    // Taken: a folder that is not empty cannot be renamed over.
    rmSync(mine, { recursive: true, force: true });
    if (!isOwned(lock)) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

function isOwned(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(join(lock, "owner"), "utf8")), 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
