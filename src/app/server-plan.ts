import { createHash } from "node:crypto";
import { readdirSync, realpathSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Environment } from "../core/find-program.ts";
import { withHome } from "../core/home-folder.ts";
import { snapshotFolder } from "../models/hub-cache.ts";
import { fingerprintSources } from "../provision/sources.ts";

export interface ServerWishes {
  readonly model: string;
  /** Where computed prefixes outlive the server, and how much of the disk they may take. */
  readonly prefixFolder: string;
  readonly prefixDiskGigabytes: number;
  readonly kvBits: number | undefined;
  readonly env: Environment;
}

/** What a server is started with, but for its address and how long it stays. */
export interface ServerPlan {
  /** Equal for two plans that the same server fits; makes a file name. */
  readonly identity: string;
  /** Independent of the folder in which we were started. */
  readonly model: string;
  readonly args: readonly string[];
}

/** Variables that decide which files a model's name stands for, or how they are run. */
const decisive = /^(HF_|HUGGINGFACE_|TRANSFORMERS_|MLX_(?!URL$|MODEL$|API_KEY$))/;

export function planServer(wishes: ServerWishes, sources: string): ServerPlan {
  const { prefixFolder, prefixDiskGigabytes, kvBits, env } = wishes;
  const folder = findModelFolder(wishes.model, env);
  const model = folder ?? wishes.model;
  const args = [
    ...["--model", model, "--prefix-folder", resolve(prefixFolder)],
    ...["--prefix-disk-bytes", String(prefixDiskGigabytes * 2 ** 30)],
    ...(kvBits === undefined ? [] : ["--kv-bits", String(kvBits)]),
  ];
  const variables = Object.entries(env).filter(([name]) => decisive.test(name)).toSorted();
  const files = folder ?? snapshotFolder(model, env);
  const parts = [fingerprintSources(sources), args, files && listing(files), variables];
  const identity = createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
  return { identity, model, args };
}

/** As the server understands a name: the built-in model first, then a folder, then a name. */
function findModelFolder(model: string, env: Environment): string | undefined {
  if (model === "tiny") return undefined;
  const path = withHome(model, env);
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory();
  return isFolder ? realpathSync(path) : undefined;
}

/** Files that were exchanged make another model. */
function listing(folder: string): readonly unknown[] {
  return readdirSync(folder).toSorted().map((name) => {
    const { size, mtimeMs } = statSync(join(folder, name), { throwIfNoEntry: false }) ?? {};
    return [name, size, mtimeMs];
  });
}
