import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { assertEquals } from "@std/assert";

const readme = new URL("../../README.md", import.meta.url);

/** The README says, between its marks, what the program says; `npm run golden` writes it there. */
export function assertReadmeTable(
  [opening, closing]: readonly [string, string],
  lines: readonly string[],
): void {
  const marks = new RegExp(`${opening}|${closing}`);
  const [before = "", between, after = ""] = readFileSync(readme, "utf8").split(marks);
  const expected = `\n\n${lines.join("\n")}\n\n`;
  if (process.env["UPDATE_GOLDEN"]) {
    writeFileSync(readme, before + opening + expected + closing + after);
  } else assertEquals(between, expected);
}
