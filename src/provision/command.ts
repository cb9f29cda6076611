import { spawn } from "node:child_process";
import type { Environment } from "../core/find-program.ts";
import { UserError } from "../core/user-error.ts";
import { startWatchdog } from "../core/watchdog.ts";

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Environment;
  /** Never the user's folder: Python and uv obey files that lie there. */
  readonly cwd: string;
  /** Each line when it comes, of standard output and error. */
  readonly onLine?: (line: string) => void;
}

export interface CommandResult {
  /** 127 when there is no such program, as shells have it. */
  readonly code: number;
  /** Standard output and error together. */
  readonly output: string;
}

/** Runs a program to its end. It does not outlive us; when somebody else ends it, this throws. */
export type RunCommand = (command: Command) => Promise<CommandResult>;

/** Becomes the program when it is told to, which is when there is a watchdog; never if we die. */
const gate = 'read -r _ || exit 1; exec "$0" "$@"';

export const runCommand: RunCommand = ({ program, args, env, cwd, onLine }) =>
  new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", gate, program, ...args], { env, cwd });
    const watchdog = child.pid === undefined ? undefined : startWatchdog(child.pid);
    child.stdin.on("error", () => {}); // it has ended already, which is heard of below
    child.stdin.end("go\n");
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      let rest = "";
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        const lines = (rest + text).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) onLine?.(line);
      });
    }
    child.on("error", reject);
    child.on("close", (code, signal) => {
      watchdog?.dismiss();
      if (code !== null) resolve({ code, output });
      else reject(new UserError(`Broken off: ${program} was ended by ${signal}`));
    });
  });
