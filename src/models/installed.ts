import { statSync } from "node:fs";
import type { Environment } from "../core/find-program.ts";
import { withHome } from "../core/home-folder.ts";
import { cachedNames, diskUse, isHubName, repositoryFolder, snapshotFolder } from "./hub-cache.ts";
import { lmStudioFolders } from "./lm-studio.ts";
import { type ModelFacts, readModelFolder, sizeOfFiles } from "./model-folder.ts";

export interface InstalledModel {
  /** What `--model` takes. */
  readonly name: string;
  readonly place: "Hugging Face cache" | "LM Studio";
  readonly folder: string;
  readonly bytes: number;
  /** Undefined when only a part of it is here. */
  readonly facts: ModelFacts | undefined;
}

/** Models that can converse, wherever this user has them, the Hugging Face cache first. */
export function installedModels(env: Environment): readonly InstalledModel[] {
  const cached = cachedNames(env).flatMap((name) => inHubCache(name, env) ?? []);
  const names = new Set(cached.map(({ name }) => name));
  const others = lmStudioFolders(env).flatMap(({ name, folder }): readonly InstalledModel[] => {
    const facts = names.has(name) ? undefined : readModelFolder(folder);
    if (facts?.tools === undefined) return [];
    return [{ name, place: "LM Studio", folder, bytes: sizeOfFiles(folder, /./), facts }];
  });
  return [...cached, ...others].toSorted((one, other) => one.name.localeCompare(other.name, "en"));
}

/** Undefined when there is nothing of it, or it is a model of another kind. */
function inHubCache(name: string, env: Environment): InstalledModel | undefined {
  const folder = repositoryFolder(name, env);
  const snapshot = snapshotFolder(name, env);
  const facts = snapshot === undefined ? undefined : readModelFolder(snapshot);
  const { bytes, sharedBytes } = diskUse(folder);
  const isOther = facts ? facts.tools === undefined : snapshot !== undefined || bytes === 0;
  if (isOther) return undefined;
  return { name, place: "Hugging Face cache", folder, bytes: bytes + sharedBytes, facts };
}

/** What a name stands for, as far as that can be told from here. */
export type Location =
  | { readonly kind: "built in" }
  /** A folder that the user names, or one of LM Studio's. */
  | { readonly kind: "folder"; readonly folder: string }
  | { readonly kind: "hub"; readonly isComplete: boolean }
  | { readonly kind: "none" };

/** The built-in model first, then a folder, then what is downloaded, then what could be. */
export function locate(name: string, env: Environment): Location {
  if (name === "tiny") return { kind: "built in" };
  const path = withHome(name, env);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    return { kind: "folder", folder: path };
  }
  if (!isHubName(name)) return { kind: "none" };
  const snapshot = snapshotFolder(name, env);
  if (snapshot !== undefined && readModelFolder(snapshot)) return { kind: "hub", isComplete: true };
  const other = lmStudioFolders(env).find((each) => each.name === name);
  if (other && readModelFolder(other.folder)) return { kind: "folder", folder: other.folder };
  return { kind: "hub", isComplete: false };
}
