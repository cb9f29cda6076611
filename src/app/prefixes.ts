import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

export interface PrefixesSize {
  readonly records: number;
  readonly bytes: number;
}

/** What the MLX servers of this user keep on disk; nothing when they never kept any. */
export function sizeOfPrefixes(folder: string): PrefixesSize {
  const sizes = recordsIn(folder).map((path) => statSync(path, { throwIfNoEntry: false })?.size);
  return {
    records: sizes.length,
    bytes: sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0),
  };
}

/** A server that runs notices, and computes again what it would have read. */
export function clearPrefixes(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

function recordsIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".kv"))
      .map((name) => join(folder, name));
  } catch {
    return []; // never written
  }
}
