import { settings } from "../config/schema.ts";
import { argumentsOf, type Command, descriptionOf } from "./commands.ts";
import { launchOptions } from "./argument/launch-options.ts";

/** What `--help` says. Made from what the command line is read with; fits a screen. */
export function helpText(commands: Readonly<Record<string, Command>>): string {
  return lines([
    "anyclaude runs the real Claude Code on a model of your choice.",
    "",
    "  anyclaude [our options] [anything for claude]",
    "  anyclaude COMMAND [options]",
    "",
    ...table([
      ...launchOptions.map(({ flag, hint, meaning }) => [withHint(flag, hint), meaning]),
      ["--config file", "another config file"],
      ["--help, --version", "after a command, --help tells about that"],
    ]),
    "",
    ...table(Object.entries(commands).map(([name, each]) => [name, descriptionOf(each)])),
    "",
    "What is not ours goes to claude, in order; after -- everything does.",
    "More settings, as variables and in the config file: anyclaude help settings",
  ]);
}

export function commandHelp(name: string, command: Command): string {
  const known = argumentsOf(command);
  const positional = known.filter(({ options }) => options.length === 0);
  const usage = ["anyclaude", name, ...positional.map((each) => `[${each.name}]`), "[options]"];
  return lines([
    `${descriptionOf(command)}.`,
    "",
    `  ${usage.join(" ")}`,
    "",
    ...table(known.map(({ name: argument, options, value, meaning }) => [
      withHint(options.join(", ") || argument, value),
      meaning,
    ])),
  ]);
}

/** Every setting under all its names. */
export function settingsHelp(configFile: string): string {
  return lines([
    "Options win over variables, variables over the config file:",
    `  ${configFile}`,
    "",
    ...Object.entries(settings).flatMap(([name, { flag, variables, meaning }]) => {
      const named = Object.entries(variables ?? {})
        .map(([mode, variable]) => mode === "any" ? variable : `${variable} (mode ${mode})`);
      return [
        [flag, ...named, name].filter(Boolean).join(", "),
        ...wrapped(meaning, columns - 4).map((line) => `    ${line}`),
      ];
    }),
  ]);
}

function withHint(option: string, hint: string | undefined): string {
  return hint === undefined ? option : `${option} ${hint}`;
}

const columns = 80;

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const width = Math.max(...rows.map(([name = ""]) => name.length));
  return rows.flatMap(([name = "", meaning = ""]) =>
    wrapped(meaning, columns - width - 4).map((line, index) =>
      `  ${(index === 0 ? name : "").padEnd(width)}  ${line}`
    )
  );
}

function wrapped(text: string, width: number): readonly string[] {
  return text.split(" ").reduce<readonly string[]>((lines, word) => {
    const line = lines.at(-1);
    const fits = line !== undefined && line.length + 1 + word.length <= width;
    return fits ? [...lines.slice(0, -1), `${line} ${word}`] : [...lines, word];
  }, []);
}

function lines(all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}
