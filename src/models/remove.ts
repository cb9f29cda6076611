import { lstatSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { withExclusive } from "../core/exclusive.ts";
import type { Environment } from "../core/find-program.ts";
import { UserError } from "../core/user-error.ts";
import { lockFile } from "./download.ts";
import { type DiskUse, diskUse, repositoryFolder } from "./hub-cache.ts";

/**
 * Removes a model from the Hugging Face cache: its own folder and nothing else. What lies in the
 * store that models share stays, and is said.
 */
export async function removeModel(name: string, env: Environment): Promise<DiskUse> {
  const folder = repositoryFolder(name, env);
  const lock = lockFile(name, env);
  const onWait = () => {
    throw new UserError(`Cannot remove ${name}: it is being downloaded`);
  };
  return await withExclusive(lock, { onWait }, async () => {
    const use = diskUse(folder);
    rmSync(folder, { recursive: true });
    rmSync(dirname(lock), { recursive: true });
    return use;
  });
}

/** Undefined when nothing of it is there; a link is somebody's own arrangement. */
export function findRemovable(name: string, env: Environment): "here" | "link" | undefined {
  const entry = lstatSync(repositoryFolder(name, env), { throwIfNoEntry: false });
  return entry?.isDirectory() ? "here" : entry ? "link" : undefined;
}
