import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Clock } from "../core/clock.ts";
import type { Environment } from "../core/find-program.ts";
import { UserError } from "../core/user-error.ts";
import type { CommandResult, RunCommand } from "./command.ts";
import { useFile } from "./in-use.ts";
import { findInterpreter, versionOf } from "./interpreter.ts";
import { withProgress } from "./progress.ts";
import { withoutPythonVariables } from "./python-variables.ts";
import { explain, isFullDisk, reasonIn } from "./reason.ts";

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
  const work = `${folder}.unfinished`;
  const downloads = `${folder}.downloads`;
  rmSync(work, { recursive: true, force: true });
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
    rmSync(downloads, { recursive: true, force: true });
  } finally {
    rmSync(work, { recursive: true, force: true });
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
    const { cacheFolder, tell, lockFile, programs } = this.#options;
    const [uv] = programs("uv");
    const folder = join(cacheFolder, "interpreters");
    const interpreter = await findInterpreter({ run: this.#run, programs, uv, folder, tell });
    const made = join(this.#work, "environment");
    const python = join(made, "bin", "python");
    const venv = ["-I", "-m", "venv", "--without-pip", made];
    await this.#must(`creating it with ${interpreter}`, this.#run(interpreter, ...venv));
    if (!uv || !await this.#installWithUv(uv, python, lockFile)) {
      await this.#installWithoutUv(interpreter, python);
    }
    tell("  trying it");
    await this.#must("loading MLX", this.#run(python, "-I", "-c", "import mlx.core"));
    return await versionOf(this.#run, python) ?? "";
  }

  /** False if that did not work: pip has settings of its own for mirrors and certificates. */
  async #installWithUv(uv: string, python: string, lock: string): Promise<boolean> {
    this.#options.tell(`  installing packages with ${uv}`);
    const args = ["pip", "install", "--system-certs", "--python", python, ...hashed(lock)];
    const result = await this.#run(uv, ...args);
    if (result.code !== 0 && isFullDisk(result.output)) {
      await this.#must("installing packages", Promise.resolve(result));
    }
    if (result.code !== 0) this.#options.tell(`  uv failed: ${reasonIn(result.output)}`);
    return result.code === 0;
  }

  /** With pip, which comes with Python, in a place of its own; it fetches uv if it can. */
  async #installWithoutUv(interpreter: string, python: string): Promise<void> {
    const { lockFile, tell } = this.#options;
    const tools = join(this.#work, "tools");
    const [pip, uv] = ["python", "uv"].map((name) => join(tools, "bin", name));
    await this.#must("creating pip", this.#run(interpreter, "-I", "-m", "venv", tools));
    const withPip = (lock: string, ...more: readonly string[]) =>
      this.#run(
        pip ?? "",
        ...["-I", "-m", "pip", ...more, "install", "--disable-pip-version-check"],
        ...["--progress-bar", "off", ...hashed(lock)],
      );
    tell("  fetching uv, which installs faster than pip");
    const { code } = await withPip(join(dirname(lockFile), installerLock));
    if (code === 0 && await this.#installWithUv(uv ?? "", python, lockFile)) return;
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

  async #must(what: string, running: Promise<CommandResult>): Promise<void> {
    const { code, output } = await running;
    if (code === 0) return;
    const reason = explain(output, this.#options.cacheFolder);
    throw new UserError(`Cannot make the Python environment: ${what} failed: ${reason}`);
  }
}

function hashed(lock: string): readonly string[] {
  return ["--only-binary=:all:", "--require-hashes", "-r", lock];
}
