import process from "node:process";
import type { RequestRecord } from "../monitor/record.ts";
import { toSummary } from "../monitor/summary.ts";

/** A line for the user before anything runs. Standard output belongs to results. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** After the end; nothing when there was no request. Claude Code may have left an unfinished line. */
export function tellSummary(records: readonly RequestRecord[]): void {
  const summary = toSummary(records);
  if (summary !== undefined) process.stderr.write(`\n${summary}`);
}
