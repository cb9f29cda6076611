import { spawn } from "node:child_process";

export interface CommandResult {
  /** Null when the program could not be started. */
  readonly code: number | null;
  readonly output: string;
}

/** Runs a program to its end; standard output and error together. */
export type RunCommand = (
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
) => Promise<CommandResult>;

export const runCommand: RunCommand = (program, args, env) =>
  new Promise((resolve) => {
    const child = spawn(program, [...args], { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => output += text);
    }
    child.on("error", (error) => resolve({ code: null, output: error.message }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
