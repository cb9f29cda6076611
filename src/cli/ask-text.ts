import { createInterface } from "node:readline";
import process from "node:process";

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
