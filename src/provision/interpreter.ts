import process from "node:process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isExecutable } from "../core/find-program.ts";
import { lastLine } from "../core/last-line.ts";
import { UserError } from "../core/user-error.ts";
import type { CommandResult } from "./command.ts";
import { reasonOf } from "./reason.ts";

/** Runs a program with these arguments. */
export type Run = (program: string, ...args: readonly string[]) => Promise<CommandResult>;

/** The versions of Python 3 for which all packages of the lock have wheels. */
const oldest = 11;
const newest = 14;
/** The one that uv fetches when there is none. */
const fetched = 13;

const names = ["python3", ...[14, 13, 12, 11].map((minor) => `python3.${minor}`), "python"];
const question = "import platform, struct, sys, sysconfig; print(" +
  "sys.implementation.name, *sys.version_info[:2], platform.machine().lower(), " +
  "bool(sysconfig.get_config_var('Py_GIL_DISABLED')))";
const machines: Readonly<Record<string, readonly string[]>> = {
  x64: ["x86_64", "amd64"],
  arm64: ["arm64", "aarch64"],
};

/** The version of a Python, such as `3.12`; undefined when it does not run. */
export async function versionOf(run: Run, python: string): Promise<string | undefined> {
  const { code, output } = await run(python, "-I", "-S", "-c", question);
  return code === 0 ? output.split(" ").slice(1, 3).join(".") : undefined;
}

export interface Search {
  readonly run: Run;
  /** The paths of the programs of that name, best first. */
  readonly programs: (name: string) => readonly string[];
  /** The path of uv, if there is one: it knows of more, and can fetch one into `folder`. */
  readonly uv: string | undefined;
  readonly folder: string;
  readonly tell: (line: string) => void;
}

/** A Python that all packages can be had for: installed, known to uv, or fetched by it. */
export async function findInterpreter(
  { run, programs, uv, folder, tell }: Search,
): Promise<string> {
  const unsuitable: string[] = [];
  for (const program of names.flatMap(programs).filter(isNoTrap)) {
    const { code, output } = await run(program, "-I", "-S", "-c", question);
    if (code !== 0) continue;
    const fault = faultOf(output.trim());
    if (!fault) return program;
    unsuitable.push(`${program} ${fault}`);
  }
  const why = uv
    ? await askUv({ run, uv, folder, tell })
    : { found: undefined, reason: unsuitable.join(", ") || "there is none" };
  if (why.found) return why.found;
  throw new UserError(
    `Cannot find a Python from 3.${oldest} to 3.${newest}: ${why.reason}; install one from ` +
      "python.org, with `brew install python@3.13` or your system's package manager" +
      (uv ? "" : ", or install uv, which brings its own (https://docs.astral.sh/uv)"),
  );
}

async function askUv({ run, uv, folder, tell }: Omit<Search, "programs"> & { uv: string }) {
  const range = `>=3.${oldest},<3.${newest + 1}`;
  const known = await run(uv, "python", "find", "--no-project", "--no-python-downloads", range);
  if (known.code === 0) return { found: lastLine(known.output), reason: "" };
  tell(
    `  none of the Pythons here can be used: uv fetches 3.${fetched} from GitHub, or from the mirror ` +
      "that UV_PYTHON_INSTALL_MIRROR names",
  );
  const target = ["--install-dir", folder, "--no-bin"];
  const { code, output } = await run(uv, "python", "install", ...target, `3.${fetched}`);
  const found = code === 0
    ? readdirSync(folder).map((name) => join(folder, name, "bin", `python3.${fetched}`))
      .find(isExecutable)
    : undefined;
  return { found, reason: `uv cannot fetch one (${reasonOf(output, folder).sentence})` };
}

/** Why the packages cannot be had for it. */
function faultOf(answer: string): string | undefined {
  const [name, major, minor, machine = "", isFreeThreaded] = answer.split(" ");
  const version = `${major}.${minor}`;
  if (name !== "cpython") return `is ${name}`;
  if (major !== "3" || Number(minor) < oldest) return `is ${version}, which is too old`;
  if (Number(minor) > newest) return `is ${version}, for which there are no packages yet`;
  if (isFreeThreaded === "True") return `is ${version} without the lock that packages need`;
  const isSame = machines[process.arch]?.includes(machine) ?? true;
  return isSame ? undefined : `is for another processor (${machine})`;
}

/** Where no developer tools are installed, macOS's own does nothing but ask for them in a window. */
function isNoTrap(program: string): boolean {
  return process.platform !== "darwin" || !program.startsWith("/usr/bin/") ||
    existsSync("/Library/Developer/CommandLineTools/usr/bin/python3");
}
