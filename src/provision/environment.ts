import { createHash } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { systemClock } from "../core/clock.ts";
import { programsNamed } from "../core/find-program.ts";
import { UserError } from "../core/user-error.ts";
import { runCommand } from "./command.ts";
import { making, use, type UsedFolder } from "./in-use.ts";
import { install, type InstallOptions, versionFile } from "./install.ts";
import { versionOf } from "./interpreter.ts";
import { withoutPythonVariables } from "./python-variables.ts";
import { sizeOf } from "./size.ts";

export type EnvironmentOptions =
  & Omit<InstallOptions, "run" | "clock" | "programs">
  & Partial<InstallOptions>;

/** A Python that has what the lock names. Nobody removes it until this is disposed. */
export interface PythonEnvironment extends UsedFolder {
  readonly python: string;
}

/**
 * The environment that holds exactly what the lock names, made once and then reused, as long as the
 * Python in it is the one that it was made with.
 */
export async function ensureEnvironment(given: EnvironmentOptions): Promise<PythonEnvironment> {
  const programs = (name: string) => programsNamed(name, given.env);
  const options: InstallOptions = { run: runCommand, clock: systemClock, programs, ...given };
  const { cacheFolder, tell, clock } = options;
  const folder = join(cacheFolder, nameOf(options.lockFile));
  const found = await useWorking(folder, options);
  if (found) return found;
  makeFolder(cacheFolder);
  return await making(cacheFolder, tell, async () => {
    const madeByOther = await useWorking(folder, options);
    if (madeByOther) return madeByOther;
    const startedAt = clock.now();
    tell(`Making the Python environment in ${folder} (once)`);
    await install(folder, options);
    const made = await useWorking(folder, options);
    if (!made) throw new UserError(`Cannot use the Python environment in ${folder}`);
    const seconds = ((clock.now() - startedAt) / 1000).toFixed(0);
    const megabytes = (sizeOf([folder]) / 1e6).toFixed(0);
    tell(`Python environment ready after ${seconds} s, ${megabytes} MB`);
    return made;
  });
}

async function useWorking(
  folder: string,
  { run, env, cacheFolder }: InstallOptions,
): Promise<PythonEnvironment | undefined> {
  const used = use(folder);
  if (!used) return undefined;
  const python = join(folder, "bin", "python");
  const ask = (program: string, ...args: readonly string[]) =>
    run({ program, args, env: withoutPythonVariables(env), cwd: cacheFolder });
  // Its Python may have been removed or replaced since.
  const version = await versionOf(ask, python);
  if (version !== undefined && version === madeWith(folder)) return { ...used, python };
  used[Symbol.dispose]();
  return undefined;
}

function madeWith(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, versionFile), "utf8").trim();
  } catch {
    return undefined; // never finished
  }
}

function nameOf(lockFile: string): string {
  const digest = createHash("sha256")
    .update(readFileSync(lockFile))
    .update(`${process.platform} ${process.arch}`)
    .digest("hex");
  return `python-${digest.slice(0, 16)}`;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new UserError(
      `Cannot use the folder ${folder}: ${
        (cause as Error).message
      }; ANYCLAUDE_HOME names another ` +
        "place",
      { cause },
    );
  }
}
