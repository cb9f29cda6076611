import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeHostile } from "./hostile-folder.ts";

/** Runs a binary of this machine from a hostile folder. Throws when it does not do its work. */
export function smokeTest(binary: string, version: string): void {
  const folder = mkdtempSync(join(tmpdir(), "anyclaude smoke "));
  try {
    const [home, cwd] = [join(folder, "home"), join(folder, "hostile")];
    for (const each of [home, cwd]) mkdirSync(each);
    const hostile = makeHostile(cwd);
    const run = (...args: readonly string[]) => {
      const env = { PATH: "/usr/bin:/bin", HOME: home };
      const { status, stdout, stderr } = spawnSync(binary, args, { cwd, env, encoding: "utf8" });
      if (status === 0) return stdout;
      throw new Error(`Cannot run ${binary} ${args.join(" ")}: ${status}, ${stderr}`);
    };
    const said = run("--version");
    if (said !== `anyclaude ${version}\n`) throw new Error(`--version says ${said}`);
    if (!run("--help").includes("anyclaude COMMAND")) throw new Error("--help does not help");
    const { memory } = JSON.parse(run("cache", "--json")) as { memory: { maxEntries: number } };
    if (memory.maxEntries !== 256) throw new Error(`The cache holds ${memory.maxEntries}`);
    const faults = hostile.faults();
    if (faults.length > 0) throw new Error(`The working directory was used: ${faults.join(", ")}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
