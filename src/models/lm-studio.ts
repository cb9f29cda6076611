import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../core/find-program.ts";
import { readJson } from "./model-config.ts";

export interface NamedFolder {
  /** Publisher and model, as LM Studio shows them. */
  readonly name: string;
  readonly folder: string;
}

/** What may be a model of LM Studio: two levels below its folder, which the user can move. */
export function lmStudioFolders(env: Environment): readonly NamedFolder[] {
  const home = env["HOME"] ?? "";
  const moved = readJson(join(home, ".lmstudio", "settings.json"))?.["downloadsFolder"];
  const roots = [
    ...(typeof moved === "string" ? [moved] : []),
    join(home, ".lmstudio", "models"),
    join(home, ".cache", "lm-studio", "models"),
  ];
  const found = [...new Set(roots)].flatMap((root) =>
    subfolders(root).flatMap((publisher) =>
      subfolders(join(root, publisher)).map((model) => ({
        name: `${publisher}/${model}`,
        folder: join(root, publisher, model),
      }))
    )
  );
  return [...new Map(found.toReversed().map((each) => [each.name, each])).values()].toReversed();
}

function subfolders(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
      .map((entry) => entry.name);
  } catch {
    return []; // LM Studio is not here
  }
}
