import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { withExclusive } from "../core/exclusive.ts";
import { UserError } from "../core/user-error.ts";
import { type CommandResult, type RunCommand, runCommand } from "./command.ts";
import { findInterpreter } from "./interpreter.ts";

export interface EnvironmentOptions {
  /** Every package with version and hash, for all platforms. */
  readonly lockFile: string;
  readonly cacheFolder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Tells the user what is going on, a line at a time. */
  readonly tell: (line: string) => void;
  readonly run?: RunCommand;
}

/** Written last: an environment without it is the rest of one that was never finished. */
const marker = "anyclaude-complete";
/** Beside the lock: uv, which is four to five times faster than pip and itself a package. */
const installerLock = "installer.lock";

/** The Python of an environment that holds exactly what the lock names. Made once, then reused. */
export async function ensureEnvironment(options: EnvironmentOptions): Promise<string> {
  const run = options.run ?? runCommand;
  const { program, version } = await findInterpreter(run, options.env);
  const folder = join(options.cacheFolder, nameOf(options.lockFile, version));
  const python = join(folder, "bin", "python");
  if (existsSync(join(folder, marker))) return python;
  try {
    mkdirSync(options.cacheFolder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new UserError(
      `Cannot use the folder ${options.cacheFolder}: ${(cause as Error).message}`,
      { cause },
    );
  }
  const onWait = () => options.tell("Waiting for another anyclaude that is doing the same");
  await withExclusive(`${folder}.lock`, { onWait }, async () => {
    if (existsSync(join(folder, marker))) return;
    const startedAt = performance.now();
    options.tell(`Making the Python environment in ${folder} (once, about 350 MB)`);
    removeUnfinished(folder);
    await install(folder, program, options, run);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    options.tell(`Python environment ready after ${seconds} s`);
  });
  return python;
}

/**
 * Into a folder beside the final one, which is renamed when all is there. Programs of a virtual
 * environment name their folder, but its `bin/python` finds itself: only that is ever used.
 */
async function install(
  folder: string,
  program: string,
  options: EnvironmentOptions,
  run: RunCommand,
): Promise<void> {
  const { lockFile, env, tell } = options;
  const unfinished = `${folder}.unfinished-${process.pid}`;
  const python = join(unfinished, "bin", "python");
  const must = async (what: string, { code, output }: CommandResult) => {
    if (code === 0) return;
    rmSync(unfinished, { recursive: true, force: true });
    throw new UserError(`Cannot make the Python environment: ${what} failed: ${reasonIn(output)}`);
  };
  const pip = (lock: string) =>
    run(
      python,
      ["-m", "pip", "install", "--disable-pip-version-check", ...hashed(lock)],
      env,
    );

  tell("  creating it");
  await must("creating it", await run(program, ["-m", "venv", unfinished], env));
  if (!await installWithUv(python, pip, options, run)) {
    tell("  installing packages with pip");
    await must("installing packages", await pip(lockFile));
  }
  writeFileSync(join(unfinished, marker), `${basename(lockFile)}\n`, { mode: 0o600 });
  rmSync(folder, { recursive: true, force: true });
  renameSync(unfinished, folder);
}

/**
 * With the user's uv, or with one put into the environment itself. False if that did not work: pip
 * has settings of its own for mirrors and certificates, and may still succeed.
 */
async function installWithUv(
  python: string,
  pip: (lock: string) => Promise<CommandResult>,
  { lockFile, env, tell }: EnvironmentOptions,
  run: RunCommand,
): Promise<boolean> {
  let uv = ["uv"];
  if ((await run("uv", ["--version"], env)).code !== 0) {
    tell("  fetching uv, which installs faster than pip");
    if ((await pip(join(dirname(lockFile), installerLock))).code !== 0) return false;
    uv = [python, "-m", "uv"];
  }
  tell("  installing packages with uv");
  const [command = "uv", ...before] = uv;
  const args = [
    ...before,
    "pip",
    "install",
    "--system-certs",
    "--python",
    python,
    ...hashed(lockFile),
  ];
  const { code, output } = await run(command, args, env);
  if (code !== 0) tell(`  uv failed: ${reasonIn(output)}`);
  return code === 0;
}

function hashed(lock: string): readonly string[] {
  return ["--only-binary=:all:", "--require-hashes", "-r", lock];
}

function nameOf(lockFile: string, version: string): string {
  const digest = createHash("sha256")
    .update(readFileSync(lockFile))
    .update(`${version} ${process.platform} ${process.arch}`)
    .digest("hex");
  return `python-${digest.slice(0, 16)}`;
}

/** Left by a run that was killed: nobody else is making this one, we hold the lock. */
function removeUnfinished(folder: string): void {
  for (const name of readdirSync(dirname(folder))) {
    if (name.startsWith(`${basename(folder)}.unfinished-`)) {
      rmSync(join(dirname(folder), name), { recursive: true, force: true });
    }
  }
}

/** The last line that says something; what stands above it is the way there. */
function reasonIn(output: string): string {
  const lines = output.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const words = lines.findLast((line) => /error|cannot|failed|no space/i.test(line));
  return words ?? lines.at(-1) ?? "no reason given";
}
