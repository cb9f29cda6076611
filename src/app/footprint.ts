import { readdirSync, rmdirSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Paths } from "../config/paths.ts";
import { sizeOf } from "../provision/size.ts";

/** Something that was written and is still there. */
export interface Written {
  readonly path: string;
  readonly bytes: number;
}

/**
 * What may lie in each folder, by name: `ANYCLAUDE_HOME` can name a folder that holds other things
 * as well, and those are not ours to remove.
 */
const names = {
  state: /^(responses|history)\.sqlite|^anyclaude\.log|^(servers|proxies|traces|model)$/,
  cache: /^(python|server)-[0-9a-f]{16}\b|^(prefixes|interpreters|making\.lock)$/,
};

/** Everything that was ever written for this user. */
export function findWritten({ configFile, state, cache, prefixes }: Paths): readonly Written[] {
  const paths = [
    configFile,
    ...inside(state, names.state),
    ...inside(cache, names.cache),
    prefixes,
  ];
  return [...new Set(paths)].flatMap((path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found ? [{ path, bytes: found.isDirectory() ? sizeOf([path]) : found.size }] : [];
  });
}

/** Removes them, and the folders in which nothing is left then. */
export function removeWritten(paths: Paths, written: readonly Written[]): void {
  for (const { path } of written) rmSync(path, { recursive: true, force: true });
  const { configFile, state, cache, prefixes } = paths;
  for (const folder of [prefixes, cache, state, dirname(configFile)]) removeEmpty(folder);
}

/** The folder above too, where it carries our name: on macOS state lies inside it. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    return; // it holds something else, or is not there
  }
  if (basename(dirname(folder)) === "anyclaude") removeEmpty(dirname(folder));
}

function inside(folder: string, wanted: RegExp): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => wanted.test(name)).map((name) =>
      join(folder, name)
    );
  } catch {
    return []; // never written
  }
}
