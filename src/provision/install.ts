import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import type { Clock } from "../core/clock.ts";
import type { Environment } from "../core/find-program.ts";
import { UserError } from "../core/user-error.ts";
import type { CommandResult, RunCommand } from "./command.ts";
import { useFile } from "./in-use.ts";
import { findInterpreter, versionOf } from "./interpreter.ts";
import { withProgress } from "./progress.ts";
import { withoutPythonVariables } from "./python-variables.ts";
import { type ReasonKind, reasonOf } from "./reason.ts";

export interface InstallOptions {
  /** Every package with version and hash, for all platforms. */
  readonly lockFile: string;
  readonly cacheFolder: string;
  readonly env: Environment;
  /** Tells the user what is going on, a line at a time. */
  readonly tell: (line: string) => void;
  readonly run: RunCommand;
  readonly clock: Clock;
  /** The paths of the programs of that name, best first. */
  readonly programs: (name: string) => readonly string[];
}

/** In a finished environment: the version of its Python. */
export const versionFile = "anyclaude-python";
/** Beside the lock: uv, which is four to five times faster than pip and itself a package. */
const installerLock = "installer.lock";

/**
 * Makes an environment that holds exactly what the lock names. Everything is made in a folder
 * beside the final one, temporary files included, and the environment moved when it is complete.
 * Programs in it name the folder it was made in, but its `bin/python` finds itself: only that is
 * ever used. What was downloaded is kept until then, so that a broken run need not begin again.
 */
export async function install(folder: string, options: InstallOptions): Promise<void> {
  const work = `${folder}.unfinished-${process.pid}`;
  const downloads = `${folder}.downloads`;
  removeLeftovers(folder);
  for (const each of ["environment", "temporary"]) {
    mkdirSync(join(work, each), { recursive: true, mode: 0o700 });
  }
  try {
    const workshop = new Workshop(work, downloads, options);
    const version = await workshop.make();
    const made = join(work, "environment");
    writeFileSync(join(made, useFile), "", { mode: 0o600 });
    writeFileSync(join(made, versionFile), `${version}\n`, { mode: 0o600 });
    rmSync(folder, { recursive: true, force: true });
    renameSync(made, folder);
    tryToRemove(downloads);
  } finally {
    tryToRemove(work);
  }
}

/** Of runs that were killed: nobody else makes this environment now. */
function removeLeftovers(folder: string): void {
  const left = `${basename(folder)}.unfinished-`;
  for (const name of readdirSync(dirname(folder)).filter((each) => each.startsWith(left))) {
    tryToRemove(join(dirname(folder), name));
  }
}

/** What cannot be removed, because a dying program still writes there, is removed later. */
function tryToRemove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // It is tried again at the next start.
  }
}

/** The steps of making one environment. */
class Workshop {
  readonly #work: string;
  readonly #downloads: string;
  readonly #options: InstallOptions;
  readonly #env: Environment;

  constructor(work: string, downloads: string, options: InstallOptions) {
    this.#work = work;
    this.#downloads = downloads;
    this.#options = options;
    this.#env = {
      UV_CACHE_DIR: join(downloads, "uv"),
      PIP_CACHE_DIR: join(downloads, "pip"),
      ...withoutPythonVariables(options.env),
      TMPDIR: join(work, "temporary"),
    };
  }

  /** The version of the Python in it. */
  async make(): Promise<string> {
    const { cacheFolder, tell, programs } = this.#options;
    const [uv] = programs("uv");
    const folder = join(cacheFolder, "interpreters");
    const interpreter = await findInterpreter({ run: this.#run, programs, uv, folder, tell });
    const made = join(this.#work, "environment");
    const python = join(made, "bin", "python");
    const venv = ["-I", "-m", "venv", "--without-pip", made];
    await this.#must(`creating it with ${interpreter}`, this.#run(interpreter, ...venv));
    if (!uv || !await this.#installWithUv(uv, python)) {
      await this.#installWithPip(interpreter, python, uv === undefined);
    }
    tell("  trying it");
    await this.#must("loading MLX", this.#run(python, "-I", "-c", "import mlx.core"));
    return await versionOf(this.#run, python) ?? "";
  }

  /** False if that did not work: pip has settings of its own for mirrors and certificates. */
  async #installWithUv(uv: string, python: string): Promise<boolean> {
    this.#options.tell("  installing packages with uv");
    const into = ["pip", "install", "--system-certs", "--python", python];
    const args = [...into, ...hashed(this.#options.lockFile)];
    return await this.#tried("uv", this.#run(uv, ...args), ["disk"]);
  }

  /** With the pip that comes with Python, in a place of its own; it first fetches uv if wanted. */
  async #installWithPip(interpreter: string, python: string, wantsUv: boolean): Promise<void> {
    const { lockFile, tell } = this.#options;
    const tools = join(this.#work, "tools");
    tell("  preparing pip");
    await this.#must("preparing pip", this.#run(interpreter, "-I", "-m", "venv", tools));
    const withPip = (lock: string, ...more: readonly string[]) =>
      this.#run(
        join(tools, "bin", "python"),
        ...["-I", "-m", "pip", ...more, "install", "--disable-pip-version-check"],
        ...["--progress-bar", "off", ...hashed(lock)],
      );
    if (wantsUv) {
      tell("  fetching uv, which installs faster than pip");
      const fetching = withPip(join(dirname(lockFile), installerLock));
      const hasUv = await this.#tried("fetching uv", fetching, ["disk", "network", "certificate"]);
      if (hasUv && await this.#installWithUv(join(tools, "bin", "uv"), python)) return;
    }
    tell("  installing packages with pip");
    await this.#must("installing packages", withPip(lockFile, "--python", python));
  }

  readonly #run = (program: string, ...args: readonly string[]): Promise<CommandResult> => {
    const { run, cacheFolder, tell, clock } = this.#options;
    const grown = [this.#work, this.#downloads];
    return withProgress(
      { tell, clock, folders: grown },
      (onLine) => run({ program, args, env: this.#env, cwd: cacheFolder, onLine }),
    );
  };

  /** Whether it worked. After a failure for a `final` reason the other way would fail as well. */
  async #tried(
    what: string,
    running: Promise<CommandResult>,
    final: readonly ReasonKind[],
  ): Promise<boolean> {
    const { code, output } = await running;
    if (code === 0) return true;
    const { kind, sentence } = reasonOf(output, this.#options.cacheFolder);
    if (final.includes(kind)) throw toError(what, sentence);
    this.#options.tell(`  ${what} failed: ${sentence}`);
    return false;
  }

  async #must(what: string, running: Promise<CommandResult>): Promise<void> {
    const { code, output } = await running;
    if (code !== 0) throw toError(what, reasonOf(output, this.#options.cacheFolder).sentence);
  }
}

function toError(what: string, sentence: string): UserError {
  return new UserError(`Cannot make the Python environment: ${what} failed: ${sentence}`);
}

function hashed(lock: string): readonly string[] {
  return ["--only-binary=:all:", "--require-hashes", "-r", lock];
}
