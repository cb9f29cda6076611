import { settings } from "../config/schema.ts";

const commands = [
  ["serve", "run the proxy without starting Claude Code (--port, --json)"],
  ["server", "run the MLX server alone, for other tools (--port, --json)"],
  ["cache", "show what the caches hold on disk (--json); cache clear empties them"],
  ["stats", "show what the caches did over all runs (--since, --by, --json)"],
  ["logs", "print the log (-f goes on, --level 0-2, --path says where it is)"],
] as const;

/** Fits a screen; made from the same table that the settings are read with. */
export function helpText(): string {
  const rows = Object.entries(settings).map(([name, { flag, variables, meaning }]) => [
    flag ?? Object.values(variables ?? {})[0] ?? `${name} (config file)`,
    meaning,
  ]);
  return [
    "anyclaude runs the real Claude Code on a model of your choice.",
    "",
    "  anyclaude [our options] [anything for claude]",
    "  anyclaude COMMAND",
    "",
    ...table([...rows, ["--config", "another config file"], ["--version", "print the version"]]),
    "",
    ...table(commands),
    "",
    "What is not ours goes to claude, in order; after -- everything does.",
    "",
  ].join("\n");
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const width = Math.max(...rows.map(([name = ""]) => name.length));
  return rows.map(([name = "", meaning = ""]) => `  ${name.padEnd(width)}  ${meaning}`);
}
