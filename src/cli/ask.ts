import { createConsola } from "consola";
import { createInterface } from "node:readline";
import process from "node:process";

/** Whether somebody is there who can be asked. */
export function isTerminal(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** False when the user leaves without an answer. */
export async function askYesNo(question: string, initial: boolean): Promise<boolean> {
  const type = "confirm";
  return await prompts().prompt(question, { type, initial, cancel: "undefined" }) === true;
}

export interface Option {
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
}

/** The value of what the user chooses; undefined when they leave without an answer. */
export async function askWhich(
  question: string,
  options: readonly Option[],
): Promise<string | undefined> {
  const type = "select";
  return await prompts().prompt(question, { type, cancel: "undefined", options: [...options] });
}

/**
 * A line that the user types; undefined when they type none, or end it. Not by consola, which
 * hears nothing of the text in Bun (1.4.5).
 */
export function askText(question: string): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  return new Promise((resolve) => {
    lines.on("SIGINT", () => lines.close());
    lines.on("close", () => resolve(undefined));
    lines.question(question, (answer) => {
      resolve(answer.trim() || undefined);
      lines.close();
    });
  });
}

/** Standard output belongs to results. */
function prompts() {
  return createConsola({ stdout: process.stderr });
}
