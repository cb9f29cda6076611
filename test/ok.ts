/**
 * `npm test`: everything that must hold before a push, in order of cost. Prints each step's time,
 * runs all steps even after a failure, and exits 1 if one failed. `npm test -- types pytest` runs
 * only the named steps.
 */
import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import process from "node:process";
import { testPython } from "./support/test-python.ts";

interface Step {
  readonly name: string;
  readonly command: () => Promise<readonly string[]>;
  readonly env?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname ?? ".", "..");
const serverOnPath = {
  ...process.env,
  PATH: [join(root, "node_modules", ".bin"), process.env["PATH"]].join(delimiter),
  PYTHONPATH: join(root, "python"),
  PYTHONDONTWRITEBYTECODE: "1",
};

const steps: readonly Step[] = [
  step("format", "deno", "fmt", "--check", "--quiet"),
  step("lint", "deno", "lint", "--quiet"),
  step("types", "tsc", "-p", "."),
  step("bun", "bun", "test", "--only-failures", "--path-ignore-patterns", "test/e2e/**"),
  step(
    "deno",
    ...["deno", "test", "-A", "--no-check", "--quiet", "--reporter=dot", "--ignore=test/e2e"],
    ...["--import-map=test/support/deno.offline.json", "test"],
  ),
  pythonStep(
    "python format",
    "ruff",
    "format",
    "--check",
    "--config",
    "python/pyproject.toml",
    "python",
    "test/python",
    "test/bench",
  ),
  pythonStep(
    "python lint",
    "ruff",
    "check",
    "--config",
    "python/pyproject.toml",
    "python",
    "test/python",
    "test/bench",
  ),
  pythonStep(
    "python types",
    "mypy",
    "--config-file",
    "python/pyproject.toml",
    "python/anyclaude_mlx",
  ),
  pythonStep("pytest", "pytest", "-q", "-c", "python/pyproject.toml", "--rootdir=.", "test/python"),
  step("build", "bun", "build.ts"),
  {
    ...step("e2e", "bun", "test", "--timeout", "240000", "test/e2e"),
    env: {
      ANYCLAUDE_BINARY: join(root, "dist", `${process.platform}-${process.arch}`, "anyclaude"),
    },
  },
];

const wanted = process.argv.slice(2);
const failed: string[] = [];
let passed = 0;
for (const { name, command, env } of steps) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const startedAt = performance.now();
  process.stdout.write(`\n── ${name}\n`);
  const [program = "", ...args] = await command();
  const { status } = spawnSync(program, args, {
    cwd: root,
    env: { ...serverOnPath, ...env },
    stdio: "inherit",
  });
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`── ${name}: ${status === 0 ? "ok" : "FAILED"} in ${seconds} s\n`);
  if (status === 0) passed += 1;
  else failed.push(name);
}
if (failed.length > 0) process.stdout.write(`\nFailed: ${failed.join(", ")}\n`);
process.stdout.write(`\n${passed} passed, ${failed.length} failed\n`);
process.exitCode = failed.length > 0 ? 1 : 0;

function step(name: string, ...command: readonly string[]): Step {
  return { name, command: () => Promise.resolve(command) };
}

/** A step that runs `python -m …` in the test environment, which the first one makes. */
function pythonStep(name: string, ...module: readonly string[]): Step {
  return { name, command: async () => [await testPython(), "-m", ...module] };
}
