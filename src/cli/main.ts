import { runCommand } from "citty";
import process from "node:process";
import { toLoopbackExemptions } from "../core/loopback.ts";
import { UserError } from "../core/user-error.ts";
import { nearest } from "./argument/arguments.ts";
import { argumentsOf, type Command, commands } from "./commands.ts";
import { explained } from "./explained.ts";

/** The command line, once it is certain that it is not `--version`. */
export async function main(argv: readonly string[]): Promise<void> {
  // Before the first request: Bun and Deno read them then. What we start inherits them.
  Object.assign(process.env, toLoopbackExemptions(process.env));
  const [first = "", ...rest] = argv;
  const load = Object.hasOwn(commands, first) ? commands[first] : undefined;
  await explained(async () => {
    if (["--help", "-h", "help"].includes(first)) await help(rest[0]);
    else if (load && (rest.includes("--help") || rest.includes("-h"))) await help(first);
    else if (load) {
      const command = await load();
      refuseUnknown(command, rest);
      await runCommand(command, { rawArgs: rest });
    } else await (await import("./run.ts")).run(argv);
  });
}

async function help(topic: string | undefined): Promise<void> {
  const { commandHelp, helpText, settingsHelp } = await import("./help.ts");
  const load = topic === undefined ? undefined : commands[topic];
  if (topic !== undefined && load) process.stdout.write(commandHelp(topic, await load()));
  else if (topic === "settings") {
    const { currentPaths } = await import("../config/load.ts");
    process.stdout.write(settingsHelp(currentPaths().configFile));
  } else {
    const all = Object.entries(commands).map(async ([name, each]) => [name, await each()] as const);
    process.stdout.write(helpText(Object.fromEntries(await Promise.all(all))));
  }
}

/** citty passes over options that it does not know. */
function refuseUnknown(command: Command, argv: readonly string[]): void {
  const known = argumentsOf(command).flatMap(({ options }) => options);
  for (const argument of argv.filter((each) => each.startsWith("-"))) {
    const [option = ""] = argument.split("=");
    if (known.includes(option)) continue;
    const meant = nearest(option, known);
    const hint = meant ? `did you mean ${meant}?` : `there are ${known.join(", ")}`;
    throw new UserError(`Cannot use ${option}: ${hint}`, { exitCode: 2 });
  }
}
