import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Environment, findProgram, isExecutable } from "../core/find-program.ts";
import { UserError } from "../core/user-error.ts";

export interface ClaudeSearch {
  /** From the config; nothing else is tried then. */
  readonly configured: string | undefined;
  readonly environment: Environment;
}

/**
 * Where Claude Code is: as configured, on the PATH, or where its installer, npm, and other package
 * managers put it; undefined when it is nowhere. `npm start` has the checkout's own on the PATH.
 */
export function findClaude({ configured, environment }: ClaudeSearch): string | undefined {
  if (configured) {
    if (isExecutable(configured)) return configured;
    throw new UserError(
      `Cannot start Claude Code at ${configured} (claudePath in the config): there is no such ` +
        "program",
    );
  }
  const onPath = findProgram("claude", environment);
  if (onPath) return onPath;
  const home = environment["HOME"];
  const folders = [
    ...(home ? homeFolders.map((folder) => join(home, ...folder)) : []),
    ...npmFolders(environment),
  ];
  return folders.map((folder) => join(folder, "claude")).find(isExecutable);
}

/** The first was made by an older way to install, which left only an alias for the shell. */
const homeFolders = [
  [".claude", "local"],
  [".npm-global", "bin"],
  [".bun", "bin"],
  [".volta", "bin"],
  [".yarn", "bin"],
] as const;

/** Programs of global packages, where npm was told to put them; else they are beside npm itself. */
function npmFolders(environment: Environment): readonly string[] {
  const prefixes = [
    environment["npm_config_prefix"],
    environment["NPM_CONFIG_PREFIX"],
    configuredPrefix(environment["HOME"]),
  ];
  return prefixes.flatMap((prefix) => prefix ? [join(prefix, "bin")] : []);
}

function configuredPrefix(home: string | undefined): string | undefined {
  if (!home) return undefined;
  try {
    const settings = readFileSync(join(home, ".npmrc"), "utf8");
    const prefix = settings.match(/^\s*prefix\s*=\s*(.+?)\s*$/m)?.[1];
    return prefix?.replace(/^["']|["']$/g, "").replace(/^(~|\$\{HOME\})(?=\/|$)/, home);
  } catch {
    return undefined; // most have none
  }
}
