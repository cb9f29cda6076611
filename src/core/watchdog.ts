import { spawn } from "node:child_process";

export interface Watchdog {
  /** The child has ended: nothing is left to guard. */
  dismiss(): void;
}

/**
 * Waits for a line that never comes if we die; then the end of the pipe wakes it, and it ends the
 * child. Works on every Unix without help from the kernel.
 */
const script = `
read -r _ && exit 0
kill -TERM "$1" 2>/dev/null || exit 0
for _ in 1 2 3 4 5 6; do
  sleep 0.5
  kill -0 "$1" 2>/dev/null || exit 0
done
kill -KILL "$1" 2>/dev/null
`;

/** Ends `pid` when this process is killed without a chance to do so itself. */
export function startWatchdog(pid: number): Watchdog {
  const shell = spawn("/bin/sh", ["-c", script, "anyclaude-watchdog", String(pid)], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  shell.on("error", () => {}); // without a shell there is no watchdog, and nothing to do about it
  shell.stdin.on("error", () => {}); // it ended by itself
  shell.unref();
  return { dismiss: () => void shell.stdin.end("done\n") };
}
