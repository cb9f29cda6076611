import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Environment } from "../../core/find-program.ts";
import { UserError } from "../../core/user-error.ts";
import { toFit } from "../../models/fit.ts";
import { toGigabytes } from "../../models/gigabytes.ts";
import { type InstalledModel, installedModels } from "../../models/installed.ts";
import { type Machine, readMachine } from "../../models/machine.ts";
import { recommend, type Recommendation } from "../../models/recommended.ts";
import { askText, askWhich, isTerminal, type Option } from "../ask.ts";
import { fitText } from "./models-text.ts";

/** What was chosen, now or before; it is for the caller to say whether it turned out well. */
export interface Choice {
  readonly name: string;
  remember(): void;
  forget(): void;
}

const another = "another";

/**
 * The model when none is named: the one chosen before, or what the user says now. `tiny` is never
 * taken by itself: it is of no use for work.
 */
export async function chooseModel(stateFolder: string, env: Environment): Promise<Choice> {
  const memory = join(stateFolder, "model");
  const choice = (name: string): Choice => ({
    name,
    remember() {
      mkdirSync(dirname(memory), { recursive: true, mode: 0o700 });
      writeFileSync(memory, `${name}\n`, { mode: 0o600 });
    },
    forget: () => rmSync(memory, { force: true }),
  });
  const before = existsSync(memory) ? readFileSync(memory, "utf8").trim() : "";
  if (before !== "") return choice(before);
  if (!isTerminal()) {
    throw new UserError(
      "Cannot start without a model: name one with --model or MLX_MODEL, such as --model tiny for " +
        "a first look; anyclaude models shows which ones fit this machine",
      { exitCode: 2 },
    );
  }
  return choice(await ask(env));
}

async function ask(env: Environment): Promise<string> {
  const machine = readMachine();
  const installed = installedModels(env);
  const names = new Set(installed.map(({ name }) => name));
  const chosen = await askWhich("Which model should answer? (--model names another one)", [
    ...installed.toSorted(wholeOnesFirst).map((model) => toOption(model, machine)),
    ...recommend(machine).filter(({ model }) => !names.has(model.name)).map(toOffer),
    {
      label: "tiny (1.6 MB, built in)",
      value: "tiny",
      hint: "for a first look; of no use for real work",
    },
    { label: "another one", value: another, hint: "a Hugging Face name or a folder" },
  ]);
  const name = chosen === another ? await askText("Its name or folder: ") : chosen;
  if (name) return name;
  throw new UserError("Cannot start without a model: none was chosen", { exitCode: 2 });
}

function toOption({ name, bytes, facts, place }: InstalledModel, machine: Machine): Option {
  const hint = facts
    ? `${place === "LM Studio" ? "of LM Studio, " : ""}${
      fitText(toFit(facts, machine), facts.contextLength)
    }`
    : "not all of it is here: the download goes on";
  return { label: `${name} (${toGigabytes(bytes)} here)`, value: name, hint };
}

function wholeOnesFirst(one: InstalledModel, other: InstalledModel): number {
  return Number(one.facts === undefined) - Number(other.facts === undefined);
}

function toOffer(
  { model: { name, weightBytes, contextLength, why }, fit }: Recommendation,
): Option {
  const label = `${name} (download of ${toGigabytes(weightBytes)})`;
  return { label, value: name, hint: `${fitText(fit, contextLength)}; ${why}` };
}
