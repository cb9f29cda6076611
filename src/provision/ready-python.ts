import { join } from "node:path";
import {
  ensureEnvironment,
  type EnvironmentOptions,
  type PythonEnvironment,
} from "./environment.ts";
import { toPythonVariables } from "./python-variables.ts";

/** A Python that can run our sources. Nobody removes it until this is disposed. */
export interface ReadyPython extends PythonEnvironment {
  /** What it is started with. */
  readonly variables: Record<string, string | undefined>;
}

/** The one for these sources, made if it is not there yet. */
export async function readyPython(
  sources: string,
  options: Omit<EnvironmentOptions, "lockFile">,
): Promise<ReadyPython> {
  const lockFile = join(sources, "requirements.lock");
  const environment = await ensureEnvironment({ ...options, lockFile });
  const place = { sources, environment: environment.folder };
  return { ...environment, variables: toPythonVariables(options.env, place) };
}
