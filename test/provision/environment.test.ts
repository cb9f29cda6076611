import { afterEach, beforeEach, describe, test } from "node:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UserError } from "../../src/core/user-error.ts";
import type { RunCommand } from "../../src/provision/command.ts";
import { ensureEnvironment } from "../../src/provision/environment.ts";
import { findPythonSources } from "../../src/provision/sources.ts";

describe("the Python environment", () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "any claude "))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A machine whose programs fail when `fails` says so; `venv` makes the folder. */
  function machine(fails: (line: string) => boolean = () => false, version = "3.12.1") {
    const ran: string[] = [];
    const told: string[] = [];
    const lockFile = join(folder, "requirements.lock");
    writeFileSync(lockFile, "mlx==1\n");
    const run: RunCommand = (program, args) => {
      const line = [program, ...args].join(" ");
      ran.push(line);
      if (args[0] === "-c") return Promise.resolve({ code: 0, output: `${version}\n` });
      if (fails(line)) return Promise.resolve({ code: 1, output: "ERROR: it is broken\n" });
      if (args[1] === "venv") mkdirSync(join(args[2] ?? "", "bin"), { recursive: true });
      return Promise.resolve({ code: 0, output: "" });
    };
    const tell = (line: string) => void told.push(line);
    const cacheFolder = join(folder, "cache");
    const ensure = () => ensureEnvironment({ lockFile, cacheFolder, env: {}, tell, run });
    return { ensure, ran, told, cacheFolder, lockFile };
  }

  test("is made once, by uv, from hashes only, and then reused", async () => {
    const { ensure, ran } = machine();

    const python = await ensure();
    const before = ran.length;
    const again = await ensure();

    assertEquals(again, python);
    assertEquals(ran.length, before + 1); // the version of the interpreter, which names the folder
    const install = ran.find((line) => line.startsWith("uv pip install")) ?? "";
    assertStringIncludes(install, "--require-hashes");
    assertStringIncludes(install, "--only-binary=:all:");
  });

  test("is made by pip where there is no uv and none can be had", async () => {
    const { ensure, ran, told } = machine((line) => line.includes("uv") || /installer/.test(line));

    await ensure();

    assertStringIncludes(ran.at(-1) ?? "", "-m pip install");
    assert(told.includes("  installing packages with pip"));
  });

  test("is another one for another lock or another Python", async () => {
    const one = machine();
    const first = await one.ensure();
    const other = await machine(undefined, "3.13.0").ensure();
    writeFileSync(one.lockFile, "mlx==2\n");
    const third = await one.ensure();

    assertEquals(new Set([first, other, third]).size, 3);
  });

  test("leaves nothing behind when it cannot be made, and says what failed", async () => {
    const { ensure, cacheFolder } = machine((line) => /install/.test(line));

    await assertRejects(ensure, UserError, "installing packages failed: ERROR: it is broken");
    assertEquals(environmentsIn(cacheFolder), []);
  });

  test("is made anew when the run before was killed in the middle", async () => {
    const { ensure, cacheFolder } = machine();
    const python = await ensure();
    const [name = ""] = environmentsIn(cacheFolder);
    rmSync(join(cacheFolder, name, "anyclaude-complete"));
    mkdirSync(join(cacheFolder, `${name}.unfinished-1`));

    assertEquals(await ensure(), python);
    assertEquals(environmentsIn(cacheFolder), [name]);
    assert(existsSync(join(cacheFolder, name, "anyclaude-complete")));
  });

  test("wants Python 3.11 or newer, and names what it found", async () => {
    const { ensure } = machine(undefined, "3.9.6");

    await assertRejects(ensure, UserError, "Cannot find Python 3.11 or newer: only python3 3.9.6");
  });

  test("needs a folder that can be used", async () => {
    const { ensure, cacheFolder } = machine();
    writeFileSync(cacheFolder, "");

    await assertRejects(ensure, UserError, "Cannot use the folder");
  });

  test("is made by one of two that come at once", async () => {
    const { ensure, ran } = machine();

    await Promise.all([ensure(), ensure()]);

    assertEquals(ran.filter((line) => line.includes("-m venv")).length, 1);
  });

  test("finds the sources in a checkout where they are", () => {
    assert(existsSync(join(findPythonSources(folder), "anyclaude_mlx", "__main__.py")));
    assertEquals(readdirSync(folder), []);
  });
});

/** What is there beside the locks, which stay. */
function environmentsIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => !name.endsWith(".lock"));
}
