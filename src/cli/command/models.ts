import { defineCommand } from "citty";
import process from "node:process";
import { isInUse } from "../../app/models-in-use.ts";
import { loadConfig, type LoadedConfig } from "../../config/load.ts";
import { UserError } from "../../core/user-error.ts";
import { toFit } from "../../models/fit.ts";
import { toGigabytes } from "../../models/gigabytes.ts";
import { diskUse, hubCacheFolder, isHubName, repositoryFolder } from "../../models/hub-cache.ts";
import { type InstalledModel, installedModels, locate } from "../../models/installed.ts";
import { type Machine, readMachine } from "../../models/machine.ts";
import { checkedAt, recommend } from "../../models/recommended.ts";
import { findRemovable, removeModel } from "../../models/remove.ts";
import { askYesNo, isTerminal } from "../ask.ts";
import { commonArguments } from "../argument/common-arguments.ts";
import { explained } from "../explained.ts";
import { modelsText } from "../model/models-text.ts";
import { pullModel } from "../model/pull.ts";

export const models = defineCommand({
  meta: { name: "models", description: "Show models, download one, or remove one" },
  args: {
    action: { type: "positional", required: false, description: "pull or rm; nothing: show them" },
    name: { type: "positional", required: false, description: "such as mlx-community/NAME" },
    yes: { type: "boolean", alias: "y", description: "Remove without asking" },
    config: commonArguments.config,
    json: { type: "boolean", description: "Show them as one line of JSON" },
  },
  run: ({ args: { action, name, yes = false, config: file, json = false } }) =>
    explained(async () => {
      const loaded = loadConfig({ flags: {}, file });
      if (action === undefined) return show(loaded, json);
      if (action !== "pull" && action !== "rm") {
        throw new UserError(`Cannot ${action} models: there are pull and rm`, { exitCode: 2 });
      }
      if (action === "pull") await pull(toHubName(name, "download"), loaded);
      else await remove(toHubName(name, "remove"), loaded, yes);
    }),
});

function show({ environment }: LoadedConfig, asJson: boolean): void {
  const machine = readMachine();
  const installed = installedModels(environment);
  const recommended = recommend(machine);
  const text = asJson
    ? JSON.stringify({
      machine,
      models: installed.map((model) => toJson(model, machine)),
      recommended: {
        checkedAt,
        models: recommended.map(({ model: { name, weightBytes, contextLength, why }, fit }) => ({
          ...{ name, bytes: weightBytes, contextLength, why, ...fit },
        })),
      },
    })
    : modelsText(installed, recommended, machine).join("\n");
  process.stdout.write(`${text}\n`);
}

function toJson({ name, place, folder, bytes, facts }: InstalledModel, machine: Machine) {
  const about = facts && {
    ...{ contextLength: facts.contextLength, tools: facts.tools, ...toFit(facts, machine) },
  };
  return { name, place, folder, bytes, complete: facts !== undefined, ...about };
}

async function pull(name: string, loaded: LoadedConfig): Promise<void> {
  await pullModel(name, loaded, () => Promise.resolve(true));
}

/** Only from the Hugging Face cache: what else there is belongs to others. */
async function remove(name: string, loaded: LoadedConfig, yes: boolean): Promise<void> {
  const { environment: env, paths } = loaded;
  const found = findRemovable(name, env);
  if (found !== "here") {
    const isElsewhere = found === undefined && locate(name, env).kind === "folder";
    const why = found === "link"
      ? `${repositoryFolder(name, env)} is a link; remove it by hand`
      : isElsewhere
      ? "it is LM Studio's; remove it there"
      : `it is not in ${hubCacheFolder(env)}; anyclaude models shows what is here`;
    throw new UserError(`Cannot remove ${name}: ${why}`);
  }
  if (await isInUse(name, paths.state)) {
    throw new UserError(
      `Cannot remove ${name}: a model server uses it, or is being started; end the terminals that ` +
        "use it, and wait until it has ended too (serverWarmSeconds)",
    );
  }
  const { bytes, sharedBytes } = diskUse(repositoryFolder(name, env));
  if (!yes && !await askToRemove(name, bytes + sharedBytes)) return;
  const freed = await removeModel(name, env);
  const rest = freed.sharedBytes > 0
    ? `; ${
      toGigabytes(freed.sharedBytes)
    } lie in the store that the cache shares between models: ` +
      "hf cache prune frees what none of them uses"
    : "";
  process.stdout.write(`Removed ${name}: ${toGigabytes(freed.bytes)} are free again${rest}\n`);
}

async function askToRemove(name: string, bytes: number): Promise<boolean> {
  if (!isTerminal()) {
    throw new UserError(`Cannot remove ${name} without asking: --yes says that you want it`, {
      exitCode: 2,
    });
  }
  return await askYesNo(
    `Remove ${name}, ${toGigabytes(bytes)}, for all programs that use the Hugging Face cache?`,
    false,
  );
}

function toHubName(name: string | undefined, what: string): string {
  if (name === "tiny") throw new UserError(`Cannot ${what} tiny: it is built in`, { exitCode: 2 });
  if (name !== undefined && isHubName(name)) return name;
  const said = name === undefined ? "none is named" : `${name} is no name of the hub`;
  throw new UserError(`Cannot ${what} a model: ${said}; it has to be like mlx-community/NAME`, {
    exitCode: 2,
  });
}
