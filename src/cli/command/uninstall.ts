import { defineCommand } from "citty";
import process from "node:process";
import { findWritten, removeWritten, type Written } from "../../app/footprint.ts";
import { endIdleServers } from "../../app/mlx-server.ts";
import { findProxies } from "../../app/running.ts";
import { currentEnvironment, currentPaths } from "../../config/load.ts";
import { toShellWord } from "../../core/shell-word.ts";
import { UserError } from "../../core/user-error.ts";
import { type InstalledModel, installedModels } from "../../models/installed.ts";
import { askYesNo, isTerminal } from "../ask.ts";
import { explained } from "../explained.ts";
import { toSize } from "../size.ts";

export const uninstall = defineCommand({
  meta: { name: "uninstall", description: "Remove everything that anyclaude has ever written" },
  args: {
    yes: { type: "boolean", alias: "y", description: "Do not ask" },
  },
  run: ({ args: { yes } }) =>
    explained(async () => {
      const paths = currentPaths();
      say(whatStays(installedModels(currentEnvironment())));
      const written = findWritten(paths);
      say(written.map(({ path, bytes }) => `${toSize(bytes).padStart(9)}  ${path}`));
      if (written.length === 0) say(["Nothing is left on the disk."]);
      else {
        if (!yes) await confirm(written);
        await refuseWhileInUse(paths.state);
        removeWritten(paths, written);
        say([`Removed ${toSize(total(written))}.`]);
      }
      say([howToRemoveProgram(process.execPath)]);
    }),
});

async function confirm(written: readonly Written[]): Promise<void> {
  if (!isTerminal()) {
    throw new UserError("Cannot ask without a terminal: --yes removes without asking");
  }
  const size = toSize(total(written));
  const wanted = await askYesNo(`Remove all of it, ${size}, settings included?`, false);
  if (!wanted) throw new UserError("Nothing was removed");
}

/** What runs would write again, or miss what it has written. */
async function refuseWhileInUse(stateFolder: string): Promise<void> {
  const users = (await findProxies(stateFolder, fetch)).length +
    await endIdleServers(stateFolder, fetch);
  if (users === 0) return;
  throw new UserError("Cannot remove what is in use: close the terminals in which anyclaude runs");
}

/** Downloads lie where other programs look for models too. */
function whatStays(models: readonly InstalledModel[]): readonly string[] {
  const cached = models.filter(({ place }) => place === "Hugging Face cache");
  if (cached.length === 0) return [];
  const bytes = cached.reduce((sum, model) => sum + model.bytes, 0);
  return [
    `Models stay in the Hugging Face cache, which other programs use as well: ${cached.length}, ` +
    `${toSize(bytes)}. anyclaude models shows them, anyclaude models rm NAME removes one.`,
  ];
}

function howToRemoveProgram(program: string): string {
  if (/\/(Cellar|homebrew)\//.test(program)) return "The program itself: brew uninstall anyclaude";
  if (!/\/anyclaude[^/]*$/.test(program)) return "The program itself is this checkout.";
  return `The program itself: rm ${toShellWord(program)}`;
}

function total(written: readonly Written[]): number {
  return written.reduce((sum, { bytes }) => sum + bytes, 0);
}

function say(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
