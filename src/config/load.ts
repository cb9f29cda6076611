import { readFileSync } from "node:fs";
import process from "node:process";
import type { Environment } from "../core/find-program.ts";
import { isRecord } from "../core/is-record.ts";
import { UserError } from "../core/user-error.ts";
import { toJson } from "./jsonc.ts";
import { type Paths, toPaths } from "./paths.ts";
import { type Layer, resolveConfig } from "./resolve.ts";
import { type Config, type Mode, modes, settings } from "./schema.ts";

export interface LoadedConfig {
  readonly config: Config;
  readonly paths: Paths;
  readonly environment: Environment;
}

export interface ConfigSources {
  /** Values of our options, by setting. */
  readonly flags: Readonly<Record<string, string | undefined>>;
  /** Another config file; it has to exist. */
  readonly file?: string | undefined;
}

/** The only reader of the environment and of the config file. Never looks into the working directory. */
export function loadConfig({ flags, file }: ConfigSources): LoadedConfig {
  const environment = currentEnvironment();
  const paths = currentPaths();
  const fromFile = fileLayer(file ?? paths.configFile, file !== undefined);
  const fromFlags: Layer = { values: flags, nameOf: (name) => flagOf(name) };
  const named = [flags["mode"], environment["ANYCLAUDE_MODE"], fromFile.values["mode"]];
  const mode = modes.find((known) => known === named.find((each) => each)) ?? "mlx";
  const fromEnvironment = environmentLayer(environment, mode);
  return { config: resolveConfig(fromFile, fromEnvironment, fromFlags), paths, environment };
}

export function currentEnvironment(): LoadedConfig["environment"] {
  return { ...process.env };
}

/** Where things are, whatever the config file says. */
export function currentPaths(): Paths {
  return toPaths(process.env, process.platform);
}

function flagOf(setting: string): string {
  return Object.entries(settings).find(([name]) => name === setting)?.[1].flag ?? setting;
}

function environmentLayer(
  environment: Environment,
  mode: Mode,
): Layer {
  const meant = Object.entries(settings).flatMap(([setting, { variables }]) => {
    const variable = variables?.[mode] ?? variables?.any;
    return variable && environment[variable] ? [{ setting, variable }] : [];
  });
  return {
    values: Object.fromEntries(
      meant.map(({ setting, variable }) => [setting, environment[variable]]),
    ),
    nameOf: (setting) => meant.find((each) => each.setting === setting)?.variable ?? setting,
  };
}

function fileLayer(path: string, required: boolean): Layer {
  const nameOf = (setting: string) => `${setting} in ${path}`;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (isMissing && !required) return { values: {}, nameOf };
    throw new UserError(`Cannot read the config file ${path}: ${(cause as Error).message}`, {
      cause,
      exitCode: 2,
    });
  }
  try {
    const values: unknown = JSON.parse(toJson(text));
    if (isRecord(values)) return { values, nameOf };
  } catch (cause) {
    throw new UserError(`Cannot read the config file ${path}: it is not JSON`, {
      cause,
      exitCode: 2,
    });
  }
  throw new UserError(`Cannot read the config file ${path}: it is not a JSON object`, {
    exitCode: 2,
  });
}
