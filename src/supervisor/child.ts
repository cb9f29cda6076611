import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import process from "node:process";

export interface Child {
  readonly pid: number | undefined;
  /** The exit code; null when it was killed or could not be started. */
  readonly exited: Promise<number | null>;
  /** To its whole process group. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

export interface ChildCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What it writes is appended here. */
  readonly logFile: string;
}

export type SpawnChild = (command: ChildCommand) => Child;

/** In a process group of its own, so that a Ctrl-C in the terminal does not reach it. */
export const spawnChild: SpawnChild = ({ program, args, env, logFile }) => {
  const log = openLog(logFile);
  const child = spawn(program, [...args], { env, detached: true, stdio: ["ignore", log, log] });
  if (log !== "ignore") closeSync(log);
  const exited = new Promise<number | null>((resolve) => {
    child.on("error", () => resolve(null));
    child.on("exit", (code) => resolve(code));
  });
  return {
    pid: child.pid,
    exited,
    signal(name) {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, name);
      } catch {
        // The group is gone already.
      }
    },
  };
};

/** A disk that takes no log is no reason not to start. */
function openLog(path: string): number | "ignore" {
  try {
    return openSync(path, "a", 0o600);
  } catch {
    return "ignore";
  }
}
