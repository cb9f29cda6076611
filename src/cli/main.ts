import { type CommandDef, runCommand } from "citty";
import process from "node:process";
import { UserError } from "../core/user-error.ts";
import { cache } from "./cache.ts";
import { explained } from "./explained.ts";
import { helpText } from "./help.ts";
import { logs } from "./logs.ts";
import { run } from "./run.ts";
import { serve } from "./serve.ts";
import { server } from "./server.ts";
import { stats } from "./stats.ts";
import { nearest } from "./arguments.ts";

// deno-lint-ignore no-explicit-any -- citty's own type of a command with any arguments
const commands: Readonly<Record<string, CommandDef<any>>> = { serve, server, cache, stats, logs };

/** The command line, once it is certain that it is not `--version`. */
export async function main(argv: readonly string[]): Promise<void> {
  const [first = "", ...rest] = argv;
  const command = Object.hasOwn(commands, first) ? commands[first] : undefined;
  if (first === "--help" || first === "-h" || (command && rest.includes("--help"))) {
    process.stdout.write(helpText());
  } else if (command) {
    await explained(() => {
      refuseUnknown(command, rest);
      return runCommand(command, { rawArgs: rest }).then(() => {});
    });
  } else await explained(() => run(argv));
}

/** citty passes over options that it does not know. */
function refuseUnknown(command: CommandDef, argv: readonly string[]): void {
  const known = Object.entries(command.args ?? {}).flatMap(([name, { alias }]) => [
    `--${name}`,
    ...(typeof alias === "string" ? [`-${alias}`] : []),
  ]);
  for (const argument of argv.filter((each) => each.startsWith("-"))) {
    const [option = ""] = argument.split("=");
    if (known.includes(option)) continue;
    const meant = nearest(option, known);
    const hint = meant ? `did you mean ${meant}?` : `there are ${known.join(", ")}`;
    throw new UserError(`Cannot use ${option}: ${hint}`, { exitCode: 2 });
  }
}
