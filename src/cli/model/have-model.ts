import type { LoadedConfig } from "../../config/load.ts";
import { UserError } from "../../core/user-error.ts";
import { locate } from "../../models/installed.ts";
import { isTerminal } from "../ask.ts";
import { askToDownload, pullModel } from "./pull.ts";

/**
 * Where a model is, a name or a folder, once it is certain that it is here. Whoever sits at a
 * terminal is asked before a download, and can decline: undefined. A script has named it.
 */
export async function haveModel(name: string, loaded: LoadedConfig): Promise<string | undefined> {
  const location = locate(name, loaded.environment);
  switch (location.kind) {
    case "built in":
      return name;
    case "folder":
      return location.folder;
    case "none":
      throw new UserError(
        `Cannot find a model at ${name}: there is no such folder; name a folder, a Hugging Face ` +
          "model such as mlx-community/NAME, or tiny",
        { exitCode: 2 },
      );
    case "hub": {
      if (location.isComplete) return name;
      const isHere = await pullModel(
        name,
        loaded,
        (plan) => isTerminal() ? askToDownload(name, plan) : Promise.resolve(true),
      );
      return isHere ? name : undefined;
    }
  }
}
