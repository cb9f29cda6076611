import { existsSync } from "node:fs";
import { join } from "node:path";

/** What stands beside the program inside of a binary, where all modules are in one folder. */
const besideProgram = join(import.meta.dirname ?? ".", "python");

/** The folder `python/` inside the binary; undefined when this runs from source. */
export const embeddedPython: string | undefined = existsSync(besideProgram)
  ? besideProgram
  : undefined;

/** The checkout that this runs from; undefined in a binary. */
export const checkout: string | undefined = embeddedPython === undefined
  ? join(import.meta.dirname ?? ".", "..", "..")
  : undefined;
