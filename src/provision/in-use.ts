import { existsSync, readdirSync, renameSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { takeAlone, takeShared, withExclusive } from "../core/exclusive.ts";

/** In each folder that is made once and shared; whoever uses it holds a lock on this file. */
export const useFile = "in-use";

/** A folder that nobody removes until this is disposed. */
export interface UsedFolder extends Disposable {
  readonly folder: string;
}

/** Undefined when the folder is being removed just now, or was never finished. */
export function use(folder: string): UsedFolder | undefined {
  const file = join(folder, useFile);
  const lock = existsSync(file) ? takeShared(file) : undefined;
  return lock && { folder, [Symbol.dispose]: () => lock[Symbol.dispose]() };
}

/** Runs `make` while nobody else makes or removes anything in this cache folder. */
export async function making<T>(
  cacheFolder: string,
  tell: (line: string) => void,
  make: () => Promise<T>,
): Promise<T> {
  const onWait = () => tell("Waiting for another anyclaude that is doing the same");
  return await withExclusive(lockOf(cacheFolder), { onWait }, make);
}

/**
 * Removes what older versions and broken runs have left: everything that is made once, is not kept,
 * and is used by no process. What cannot be removed now is tried again at the next start.
 */
export async function removeUnused(cacheFolder: string, kept: readonly string[]): Promise<void> {
  for (const name of setAside(cacheFolder, kept)) {
    await rm(join(cacheFolder, name), { recursive: true, force: true });
  }
}

const ours = /^(server|python)-[0-9a-f]{16}/;
const removed = ".removed-";

/** Under names at which nobody looks for them; when something is being made now, nothing is. */
function setAside(cacheFolder: string, kept: readonly string[]): readonly string[] {
  const lock = takeAlone(lockOf(cacheFolder));
  if (!lock) return [];
  using _ = lock;
  return readdirSync(cacheFolder).filter((name) => ours.test(name) && !kept.includes(name))
    .flatMap((name) => {
      if (name.includes(removed)) return [name];
      const aside = `${name}${removed}${process.pid}`;
      return renameUnused(join(cacheFolder, name), join(cacheFolder, aside)) ? [aside] : [];
    });
}

function renameUnused(folder: string, aside: string): boolean {
  const lock = takeAlone(join(folder, useFile));
  if (!lock) return false;
  using _ = lock;
  renameSync(folder, aside);
  return true;
}

function lockOf(cacheFolder: string): string {
  return join(cacheFolder, "making.lock");
}
