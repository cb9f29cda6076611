import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Bytes of all files in these folders; a file with two names counts once. */
export function sizeOf(folders: readonly string[]): number {
  const sizes = new Map<number, number>();
  for (const folder of folders) {
    for (const path of filesIn(folder)) {
      const found = lstatSync(path, { throwIfNoEntry: false });
      if (found?.isFile()) sizes.set(found.ino, found.size);
    }
  }
  return sizes.values().reduce((sum, size) => sum + size, 0);
}

/** As far as they are still there: a program may be at work in the folder. */
function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesIn(path) : [path];
    });
  } catch {
    return [];
  }
}
