/** Runs `crash.py`, which says what it measures, in the Python of the tests. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { testPython } from "../support/test-python.ts";

const script = fileURLToPath(new URL("crash.py", import.meta.url));
const { status } = spawnSync(await testPython(), ["-B", script, ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exitCode = status ?? 1;
