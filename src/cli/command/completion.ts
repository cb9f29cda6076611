import { defineCommand } from "citty";
import process from "node:process";
import { UserError } from "../../core/user-error.ts";
import { claudeOptions } from "../argument/claude-options.ts";
import { argumentsOf, commands } from "../commands.ts";
import { type Completions, scripts } from "./completion-scripts.ts";
import { explained } from "../explained.ts";
import { launchOptions } from "../argument/launch-options.ts";

export const completion = defineCommand({
  meta: { name: "completion", description: "Print a script that completes words for your shell" },
  args: {
    shell: {
      type: "positional",
      required: false,
      description: `${Object.keys(scripts).join(", ")}; its first lines say where it goes`,
    },
  },
  run: ({ args: { shell } }) =>
    explained(async () => {
      const script = Object.entries(scripts).find(([name]) => name === shell)?.[1];
      if (script) process.stdout.write(script(await toCompletions()));
      else {
        const names = Object.keys(scripts).join(", ");
        throw new UserError(`Cannot complete for ${shell ?? "no shell"}: there are ${names}`, {
          exitCode: 2,
        });
      }
    }),
});

/** From the definitions that the command line is read with. */
export async function toCompletions(): Promise<Completions> {
  const own = launchOptions.map(({ flag }) => flag);
  const words = await Promise.all(
    Object.entries(commands).map(async ([name, load]) => {
      return [name, argumentsOf(await load()).flatMap(({ options }) => options.slice(0, 1))];
    }),
  );
  const choices = launchOptions.flatMap(({ flag, hint }) =>
    hint?.includes("|") ? [[flag, hint.split("|")]] : []
  );
  return {
    commands: Object.fromEntries(words),
    options: [...new Set([...own, "--config", "--help", "--version", ...claudeOptions])],
    choices: Object.fromEntries(choices),
    files: ["--config", "--model"],
  };
}
