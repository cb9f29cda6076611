import process from "node:process";
import { UserError } from "../core/user-error.ts";

/** Runs a command; a `UserError` is printed as one sentence, and its exit code is the command's. */
export async function explained(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stderr.write(`anyclaude: ${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}
