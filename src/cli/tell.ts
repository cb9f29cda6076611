import process from "node:process";

/** A line for the user before anything runs. Standard output belongs to results. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** After the end. Claude Code may have left an unfinished line. */
export function tellSummary(summary: string | undefined): void {
  if (summary !== undefined) process.stderr.write(`\n${summary}`);
}
