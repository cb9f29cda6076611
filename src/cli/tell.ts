import process from "node:process";

/** A line for the user before anything runs. Standard output belongs to results. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
