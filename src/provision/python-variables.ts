import { join } from "node:path";
import type { Environment } from "../core/find-program.ts";

/**
 * Variables that bend Python, pip or uv to another environment than the one that is meant. Those
 * that say how packages are reached (indexes, proxies, certificates, caches) are the user's.
 */
const bending = new RegExp(
  [
    "^PYTHON.*",
    "^__PYVENV_LAUNCHER__$",
    "^VIRTUAL_ENV$",
    "^CONDA_PREFIX$",
    "^PIP_(USER|TARGET|PREFIX|ROOT|PYTHON|REQUIRE_VIRTUALENV|CONSTRAINT|NO_BINARY|NO_DEPS)$",
    "^UV_(PYTHON|SYSTEM_PYTHON|CONSTRAINT|OVERRIDE|NO_BINARY|NO_BINARY_PACKAGE|EXCLUDE_NEWER)$",
  ].join("|"),
);

/** The user's environment without them. */
export function withoutPythonVariables(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !bending.test(name)));
}

/** What a Python of ours is started with: our sources, and nothing that the user has installed. */
export function toPythonVariables(
  env: Environment,
  { sources, environment }: { readonly sources: string; readonly environment: string },
): Record<string, string | undefined> {
  return {
    ...withoutPythonVariables(env),
    PYTHONPATH: sources,
    PYTHONNOUSERSITE: "1",
    // What it has compiled: not beside the sources, which are to stay as they are.
    PYTHONPYCACHEPREFIX: join(environment, "bytecode"),
  };
}
