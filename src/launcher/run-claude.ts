import { spawn } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";
import type { Environment } from "../core/find-program.ts";
import { UserError } from "../core/user-error.ts";
import { saveTerminal } from "./terminal.ts";
import { startWatchdog } from "../core/watchdog.ts";

export interface ClaudeCommand {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Environment;
}

const forwarded = ["SIGTERM", "SIGHUP"] as const;

/**
 * Runs Claude Code in the user's terminal, which is its own until it ends: a Ctrl-C is for it, and
 * other signals are passed on. Resolves to its exit code, or to 128 + the signal that ended it.
 */
export async function runClaude({ path, args, env }: ClaudeCommand): Promise<number> {
  const hasScreen = !args.some((argument) => argument === "-p" || argument === "--print");
  const terminal = hasScreen ? saveTerminal() : undefined;
  const child = spawn(path, [...args], { env, stdio: "inherit" });
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", (cause) => {
      reject(new UserError(`Cannot start Claude Code at ${path}: ${cause.message}`, { cause }));
    });
    child.on("exit", (code, signal) => {
      resolve(code ?? 128 + (signal ? constants.signals[signal] : 0));
    });
  });
  const forward = (signal: NodeJS.Signals) => {
    // Not child.kill: Deno then reports the signal instead of the exit code.
    if (child.pid !== undefined) process.kill(child.pid, signal);
  };
  for (const signal of forwarded) process.on(signal, forward);
  const watchdog = child.pid === undefined ? undefined : startWatchdog(child.pid);
  try {
    const exitCode = await ended;
    terminal?.restore(exitCode);
    return exitCode;
  } finally {
    watchdog?.dismiss();
    for (const signal of forwarded) process.off(signal, forward);
  }
}

/** Until this is disposed no signal ends us: the last words are still to be said. */
export function outliveSignals(): Disposable {
  const signals = ["SIGINT", ...forwarded] as const;
  const ignore = () => {};
  for (const signal of signals) process.on(signal, ignore);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, ignore);
    },
  };
}
