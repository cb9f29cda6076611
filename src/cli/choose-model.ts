import { createConsola } from "consola";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { UserError } from "../core/user-error.ts";

export interface ModelChoice {
  readonly stateFolder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const another = "another";

/**
 * The model when none is named: the one chosen before, or what the user says now. `tiny` is never
 * taken by itself: it is of no use for work.
 */
export async function chooseModel({ stateFolder, environment }: ModelChoice): Promise<string> {
  const memory = join(stateFolder, "model");
  const before = existsSync(memory) ? readFileSync(memory, "utf8").trim() : "";
  if (before !== "") return before;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UserError(
      "Cannot start without a model: name one with --model or MLX_MODEL, such as --model tiny for " +
        "a first look or --model mlx-community/NAME",
      { exitCode: 2 },
    );
  }
  const chosen = await ask(downloaded(environment));
  mkdirSync(dirname(memory), { recursive: true, mode: 0o700 });
  writeFileSync(memory, `${chosen}\n`, { mode: 0o600 });
  return chosen;
}

async function ask(models: readonly string[]): Promise<string> {
  const terminal = createConsola({ stdout: process.stderr });
  const choice = await terminal.prompt("Which model should answer? (--model changes it later)", {
    type: "select",
    cancel: "undefined",
    options: [
      ...models.map((name) => ({ label: name, value: name, hint: "already downloaded" })),
      {
        label: "tiny",
        value: "tiny",
        hint: "1.6 MB, built in, for a first look; of no use for real work",
      },
      { label: "another one", value: another, hint: "a Hugging Face name or a folder" },
    ],
  });
  const name = choice === another
    ? await terminal.prompt("Its name or folder:", { type: "text", cancel: "undefined" })
    : choice;
  if (name) return name;
  throw new UserError("Cannot start without a model: none was chosen", { exitCode: 2 });
}

/** MLX models in the Hugging Face cache of this user. */
function downloaded(environment: ModelChoice["environment"]): readonly string[] {
  const home = environment["HF_HOME"] || join(environment["HOME"] ?? "", ".cache", "huggingface");
  const hub = environment["HF_HUB_CACHE"] || join(home, "hub");
  if (!existsSync(hub)) return [];
  return readdirSync(hub)
    .filter((name) => name.startsWith("models--mlx-community--"))
    .map((name) => name.slice("models--".length).replace("--", "/"));
}
