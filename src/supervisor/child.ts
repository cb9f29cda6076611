import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import process from "node:process";
import type { Clock } from "../core/clock.ts";
import type { Environment } from "../core/find-program.ts";

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
  readonly env: Environment;
  readonly cwd: string;
  /** What it writes is appended here. */
  readonly logFile: string;
}

const killMs = 5000;

/** In a session of its own: neither a Ctrl-C in the terminal nor the terminal's end reaches it. */
export function spawnChild({ program, args, env, cwd, logFile }: ChildCommand): Child {
  const log = openLog(logFile);
  const child = spawn(program, [...args], {
    ...{ env, cwd, detached: true },
    stdio: ["ignore", log, log],
  });
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
}

/** Asks it to end, gives it time, and kills it then. */
export async function endChild(child: Child, clock: Clock): Promise<void> {
  const over = new AbortController();
  child.signal("SIGTERM");
  void clock.sleep(killMs, over.signal).then(() => child.signal("SIGKILL"), () => {});
  await child.exited;
  over.abort();
}

/** How a child ended, going on from "it". */
export function toEnd(code: number | null): string {
  return code === null ? "was killed" : `ended with code ${code}`;
}

/** Whether a process with this id runs, ours or not. One that is only not yet reaped does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return !isZombie(pid);
}

/**
 * In a container without an init the dead of others stay listed. As long as one of its threads runs,
 * a process is not dead: its files and locks are still its own (proc(5): state, num_threads).
 */
function isZombie(pid: number): boolean {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
    return fields[0] === "Z" && Number(fields[17]) <= 1;
  } catch {
    return false; // gone meanwhile, or not Linux
  }
}

/** A disk that takes no log is no reason not to start. */
function openLog(path: string): number | "ignore" {
  try {
    return openSync(path, "a", 0o600);
  } catch {
    return "ignore";
  }
}
