import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { checkout, embeddedPython } from "../core/embedded.ts";
import { UserError } from "../core/user-error.ts";
import { making, use, type UsedFolder, useFile } from "./in-use.ts";

export interface SourcesOptions {
  readonly cacheFolder: string;
  readonly tell: (line: string) => void;
  /** Where they are inside of the binary; undefined in a checkout. */
  readonly embedded?: string | undefined;
}

/**
 * The folder `python/`: used in place in a checkout; taken out of the binary into the cache folder
 * otherwise, because Python cannot read it there. The copy is named after its content, complete
 * or absent, and compared byte by byte each time.
 */
export async function findPythonSources(
  { cacheFolder, tell, embedded = embeddedPython }: SourcesOptions,
): Promise<UsedFolder> {
  if (embedded === undefined) {
    return { folder: join(checkout ?? ".", "python"), [Symbol.dispose]() {} };
  }
  const files = listFiles(embedded);
  const target = join(cacheFolder, `server-${digestOf(embedded, files).slice(0, 16)}`);
  const found = useIntact(embedded, target, files);
  if (found) return found;
  try {
    mkdirSync(cacheFolder, { recursive: true, mode: 0o700 });
    return await making(cacheFolder, tell, async () => {
      const madeByOther = useIntact(embedded, target, files);
      if (madeByOther) return madeByOther;
      extract(embedded, target, files);
      const made = useIntact(embedded, target, files);
      if (made) return made;
      throw new Error("what was written there is not the same");
    });
  } catch (cause) {
    throw new UserError(
      `Cannot unpack the MLX server into ${cacheFolder}: ${(cause as Error).message}; ` +
        "ANYCLAUDE_HOME names another place",
      { cause },
    );
  }
}

/** What the server is made of: equal for two that would do the same. A manifest has hashes. */
export function fingerprintSources(folder: string): string {
  const isPart = /^(anyclaude_mlx\/.*\.py|models\/.*\/manifest\.json|requirements\.lock)$/;
  return digestOf(folder, listFiles(folder).filter((file) => isPart.test(file)));
}

function useIntact(
  source: string,
  copy: string,
  files: readonly string[],
): UsedFolder | undefined {
  const used = use(copy);
  if (used && isIntact(source, copy, files)) return used;
  used?.[Symbol.dispose]();
  return undefined;
}

function extract(source: string, target: string, files: readonly string[]): void {
  const unfinished = `${target}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  for (const file of files) {
    const copy = join(unfinished, file);
    mkdirSync(dirname(copy), { recursive: true, mode: 0o700 });
    writeFileSync(copy, readFileSync(join(source, file)), { mode: 0o600 });
  }
  writeFileSync(join(unfinished, useFile), "", { mode: 0o600 });
  // Damaged: whoever uses it has read what there was to read.
  rmSync(target, { recursive: true, force: true });
  renameSync(unfinished, target);
}

/** Nothing missing, nothing changed, and nothing more: Python would import that as well. */
function isIntact(source: string, copy: string, files: readonly string[]): boolean {
  try {
    return listFiles(copy).join("\0") === [...files, useFile].toSorted().join("\0") &&
      files.every((file) =>
        readFileSync(join(copy, file)).equals(readFileSync(join(source, file)))
      );
  } catch {
    return false; // not there, or being removed
  }
}

function listFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}

function digestOf(folder: string, files: readonly string[]): string {
  const digest = createHash("sha256");
  for (const file of files) digest.update(`${file}\0`).update(readFileSync(join(folder, file)));
  return digest.digest("hex");
}
