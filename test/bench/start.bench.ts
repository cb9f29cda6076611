/**
 * What the binary of this machine takes to start, in milliseconds from exec to exit: `--version`
 * and `--help` beside a binary that says hello and nothing else, made by the same Bun with the same
 * settings.
 *
 *     npm run build && node_modules/.bin/bun test/bench/start.bench.ts
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { alternate, p, say } from "./support.ts";

const rounds = 200;
const folder = mkdtempSync(join(tmpdir(), "any bench "));
const root = join(import.meta.dirname ?? ".", "..", "..");
const anyclaude = join(root, "dist", `${process.platform}-${process.arch}`, "anyclaude");
const hello = join(folder, "out", "hello");

try {
  const source = 'import process from "node:process";\nprocess.stdout.write("hello\\n");\n';
  writeFileSync(join(folder, "hello.ts"), source);
  await Bun.build({
    entrypoints: [join(folder, "hello.ts")],
    ...{ target: "bun", format: "esm", splitting: true, bytecode: true, sourcemap: "linked" },
    compile: { outfile: hello, autoloadDotenv: false, autoloadBunfig: false },
  });
  const run = (program: string, ...args: readonly string[]) => () => {
    const env = { PATH: "/usr/bin:/bin", HOME: folder };
    const { status, stderr } = spawnSync(program, args, { cwd: folder, env });
    if (status !== 0) throw new Error(`Cannot run ${program}: ${stderr}`);
    return Promise.resolve();
  };
  const samples = await alternate(rounds, {
    "hello world": run(hello),
    "anyclaude --version": run(anyclaude, "--version"),
    "anyclaude --help": run(anyclaude, "--help"),
  });
  const floor = samples[0]?.ms ?? [];
  say([
    ["ms", "p50", "p95", "over hello world (p50 of pairs)"],
    ...samples.map(({ name, ms }) => {
      const over = ms.map((each, round) => each - (floor[round] ?? NaN));
      return [name, p(0.5, ms), p(0.95, ms), p(0.5, over)];
    }),
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
