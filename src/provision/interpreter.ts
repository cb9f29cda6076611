import { UserError } from "../core/user-error.ts";
import type { RunCommand } from "./command.ts";

export interface Interpreter {
  readonly program: string;
  /** Such as `3.12.4`. */
  readonly version: string;
}

const oldest = 11;
const names = ["python3", ...[14, 13, 12, 11].map((minor) => `python3.${minor}`), "python"];
const askVersion = "import sys; print('.'.join(map(str, sys.version_info[:3])))";

/** The first Python on the PATH that is new enough. */
export async function findInterpreter(
  run: RunCommand,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Interpreter> {
  const tooOld: string[] = [];
  for (const program of names) {
    const { code, output } = await run(program, ["-c", askVersion], env);
    if (code !== 0) continue;
    const version = output.trim();
    const [major, minor] = version.split(".").map(Number);
    if (major === 3 && minor !== undefined && minor >= oldest) return { program, version };
    tooOld.push(`${program} ${version}`);
  }
  const found = tooOld.length > 0 ? `only ${tooOld.join(", ")}` : "no python3";
  throw new UserError(
    `Cannot find Python 3.${oldest} or newer: ${found} on the PATH; install it from python.org, ` +
      "with `brew install python`, or with your system's package manager",
  );
}
