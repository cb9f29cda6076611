import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../core/find-program.ts";
import { withHome } from "../core/home-folder.ts";

/** Where huggingface_hub keeps models; it asks the same variables in the same order. */
export function hubCacheFolder(env: Environment): string {
  const home = env["HF_HOME"] ||
    join(env["XDG_CACHE_HOME"] || join(env["HOME"] ?? "", ".cache"), "huggingface");
  return withHome(env["HF_HUB_CACHE"] || env["HUGGINGFACE_HUB_CACHE"] || join(home, "hub"), env);
}

/** A model on the hub has two words, with letters that are also good in a folder's name. */
export function isHubName(name: string): boolean {
  return /^[\w][\w.-]*\/[\w][\w.-]*$/.test(name) && !/--|\.\./.test(name);
}

export function repositoryFolder(name: string, env: Environment): string {
  return join(hubCacheFolder(env), `models--${name.replace("/", "--")}`);
}

/** Names of all models of which there is something. */
export function cachedNames(env: Environment): readonly string[] {
  const folder = hubCacheFolder(env);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => /^models--(.+)$/.exec(name)?.[1]?.replace("--", "/") ?? [])
    .filter(isHubName);
}

/** The files of its newest version that was downloaded; undefined without any. */
export function snapshotFolder(name: string, env: Environment): string | undefined {
  const repository = repositoryFolder(name, env);
  try {
    const commit = readFileSync(join(repository, "refs", "main"), "utf8").trim();
    const folder = join(repository, "snapshots", commit);
    return commit !== "" && existsSync(folder) ? folder : undefined;
  } catch {
    return undefined; // nothing was downloaded, or not to its end
  }
}

export interface DiskUse {
  /** In its own folder. */
  readonly bytes: number;
  /** In the store of the cache that models share, by way of links. */
  readonly sharedBytes: number;
}

/** All versions of it, and what is left of downloads. */
export function diskUse(repository: string): DiskUse {
  const blobs = join(repository, "blobs");
  const names = existsSync(blobs) ? readdirSync(blobs) : [];
  let [bytes, sharedBytes] = [0, 0];
  for (const path of names.map((name) => join(blobs, name))) {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) sharedBytes += size;
    else bytes += size;
  }
  return { bytes, sharedBytes };
}
