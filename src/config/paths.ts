import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { Environment } from "../core/find-program.ts";

export interface Paths {
  readonly configFile: string;
  /** What must survive a cleaning of caches: choices, logs. */
  readonly state: string;
  /** What can be made again: Python environments, extracted sources. */
  readonly cache: string;
  /** Computed prefixes of the MLX server: can be made again, at a price. */
  readonly prefixes: string;
}

/** Where things are kept on this platform; `ANYCLAUDE_HOME` moves all of them. */
export function toPaths(
  environment: Environment,
  platform: NodeJS.Platform,
): Paths {
  if (environment["ANYCLAUDE_HOME"]) {
    // Programs that work in it are started in another folder.
    const moved = resolve(environment["ANYCLAUDE_HOME"]);
    return at(moved, join(moved, "state"), join(moved, "cache"), join(moved, "prefixes"));
  }
  const home = environment["HOME"] || homedir();
  if (platform === "darwin") {
    const library = join(home, "Library");
    const support = join(library, "Application Support", "anyclaude");
    return at(support, join(support, "state"), join(library, "Caches", "anyclaude"));
  }
  const xdg = (variable: string, ...fallback: readonly string[]) => {
    const folder = environment[variable] ?? "";
    return join(isAbsolute(folder) ? folder : join(home, ...fallback), "anyclaude");
  };
  return at(
    xdg("XDG_CONFIG_HOME", ".config"),
    xdg("XDG_STATE_HOME", ".local", "state"),
    xdg("XDG_CACHE_HOME", ".cache"),
  );
}

function at(
  config: string,
  state: string,
  cache: string,
  prefixes = join(cache, "prefixes"),
): Paths {
  return { configFile: join(config, "config.json"), state, cache, prefixes };
}
