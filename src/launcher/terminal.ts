import { spawnSync } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";

/** What Claude Code's screen switches on, each switched off; without effect where it is not on. */
const reset = [
  "\x1b[?2026l", // drawing may go on
  "\x1b[<u\x1b[>4m", // keys as they were
  "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l", // the mouse is the terminal's again
  "\x1b[?1004l\x1b[?2004l", // no reports of focus, no marks around what is pasted
  "\x1b[?1049l", // the screen that was there before
  "\x1b[?25h\x1b[0m", // a cursor, and plain text
].join("");

/** Deaths that leave no time for putting the terminal back. */
const sudden = (["SIGKILL", "SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP"] as const)
  .map((signal) => 128 + constants.signals[signal]);

export interface Terminal {
  /** After an end with this exit code. */
  restore(exitCode: number): void;
}

/** The state of the user's terminal, for a screen that dies; nothing to do without a terminal. */
export function saveTerminal(): Terminal {
  const settings = process.stdin.isTTY && process.stdout.isTTY ? stty("-g") : undefined;
  return {
    restore(exitCode) {
      if (settings === undefined || !sudden.includes(exitCode)) return;
      process.stdout.write(reset);
      stty(settings);
    },
  };
}

function stty(argument: string): string | undefined {
  const stdio = ["inherit", "pipe", "ignore"] as const;
  const { status, stdout } = spawnSync("stty", [argument], { stdio: [...stdio], encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}
