import process from "node:process";
import { type Log, silentLog } from "../core/log.ts";
import { type LogFile, toSentence } from "./log-file.ts";

/** A line for the user before anything runs. Standard output belongs to results. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The last words. Claude Code may have left an unfinished line. */
export function tellEnd(summary: string | undefined, { unwritten }: LogFile): void {
  if (summary !== undefined) process.stderr.write(`\n${summary}`);
  for (const warning of unwritten) tell(`anyclaude: ${warning}`);
}

/** For commands that use the terminal themselves: warnings, at once. */
export const tellingLog: Log = {
  ...silentLog,
  warn: (...said) => tell(`anyclaude: ${toSentence(said)}`),
};
