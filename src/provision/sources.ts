import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { UserError } from "../core/user-error.ts";

/**
 * The folder `python/`: used in place in a checkout; taken out of the binary into `cacheFolder`
 * otherwise, because Python cannot read it there. The copy is named after its content, complete
 * or absent, and checked each time.
 */
export function findPythonSources(cacheFolder: string): string {
  const here = import.meta.dirname ?? ".";
  const inBinary = join(here, "python");
  if (!existsSync(inBinary)) return join(here, "..", "..", "python");
  const files = listFiles(inBinary);
  const name = `server-${digestOf(inBinary, files).slice(0, 16)}`;
  const target = join(cacheFolder, name);
  if (existsSync(target) && isIntact(inBinary, target, files)) return target;
  try {
    return extract(inBinary, target, files);
  } catch (cause) {
    throw new UserError(
      `Cannot unpack the MLX server into ${cacheFolder}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** What the server is made of: equal for two that would do the same. A manifest has hashes. */
export function fingerprintSources(folder: string): string {
  const isPart = /^(anyclaude_mlx\/.*\.py|models\/.*\/manifest\.json|requirements\.lock)$/;
  return digestOf(folder, listFiles(folder).filter((file) => isPart.test(file)));
}

function extract(source: string, target: string, files: readonly string[]): string {
  const unfinished = `${target}.${process.pid}`;
  rmSync(unfinished, { recursive: true, force: true });
  for (const file of files) {
    const copy = join(unfinished, file);
    mkdirSync(dirname(copy), { recursive: true, mode: 0o700 });
    writeFileSync(copy, readFileSync(join(source, file)), { mode: 0o600 });
  }
  chmodSync(unfinished, 0o700);
  rmSync(target, { recursive: true, force: true });
  renameSync(unfinished, target);
  return target;
}

function isIntact(source: string, copy: string, files: readonly string[]): boolean {
  return files.every((file) =>
    existsSync(join(copy, file)) &&
    readFileSync(join(copy, file)).equals(readFileSync(join(source, file)))
  );
}

function listFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}

function digestOf(folder: string, files: readonly string[]): string {
  const digest = createHash("sha256");
  for (const file of files) digest.update(`${file}\0`).update(readFileSync(join(folder, file)));
  return digest.digest("hex");
}
