import type { Environment } from "../core/find-program.ts";
import { toFit } from "../models/fit.ts";
import { toGigabytes } from "../models/gigabytes.ts";
import { snapshotFolder } from "../models/hub-cache.ts";
import { locate } from "../models/installed.ts";
import type { Machine } from "../models/machine.ts";
import { readModelFolder } from "../models/model-folder.ts";
import { broken, type Finding, ok, warning } from "./finding.ts";

const another = "anyclaude models shows what is here and what fits this machine";

/** The model that the settings name: there, whole, able to use tools, and not too large. */
export function examineModel(
  name: string | undefined,
  environment: Environment,
  machine: Machine,
): Finding {
  if (name === undefined) return ok("Model", `none is named: a start asks for one; ${another}`);
  const location = locate(name, environment);
  if (location.kind === "built in") {
    return ok("Model", "tiny, built in: for a first look, and of no use for real work");
  }
  if (location.kind === "none") {
    return broken("Model", `there is no folder ${name}`, `correct its name; ${another}`);
  }
  const folder = location.kind === "folder" ? location.folder : snapshotFolder(name, environment);
  const facts = folder === undefined ? undefined : readModelFolder(folder);
  if (!facts) {
    return location.kind === "hub"
      ? warning("Model", `${name} is not here, or not all of it`, `anyclaude models pull ${name}`)
      : broken("Model", `${name} has no config.json or lacks weights`, another);
  }
  if (facts.tools !== true) {
    const says = `${name} has no chat template that takes tools, without which it can do nothing`;
    return broken("Model", says, `choose one that is made for tools; ${another}`);
  }
  const fit = toFit(facts, machine);
  if (fit.verdict === "too large") {
    const [needed, given] = [fit.neededBytes, machine.modelBytes].map(toGigabytes);
    return broken(
      "Model",
      `${name} needs about ${needed}, and ${given} can be had here`,
      `choose a smaller one; ${another}`,
    );
  }
  return ok("Model", `${name}, a window of ${facts.contextLength} tokens`);
}
