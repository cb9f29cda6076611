import { describe, test } from "node:test";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/core/user-error.ts";
import { runCommand } from "../../src/provision/command.ts";
import { isAlive } from "../../src/supervisor/child.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const runner = fileURLToPath(new URL("../support/run-command.ts", import.meta.url));

describe("a command of an installation", () => {
  const folder = realpathSync(tmpdir());
  const shell = (script: string, onLine?: (line: string) => void) =>
    runCommand({
      ...{ program: "/bin/sh", args: ["-c", script], env: { A: "b" }, cwd: folder },
      ...(onLine ? { onLine } : {}),
    });

  test("gives its code, all it said, and each line when it comes", async () => {
    const lines: string[] = [];

    const result = await shell('echo "$A"; printf "one\\ntwo"; pwd; exit 3', (line) => {
      lines.push(line);
    });

    assertEquals(result, { code: 3, output: `b\none\ntwo${folder}\n` });
    assertEquals(lines, ["b", "one", `two${folder}`]);
  });

  test("that is not there says so, and one that is asked something hears nothing", async () => {
    const none = { program: "/nonexistent", args: [], env: {}, cwd: "/" };

    const missing = await runCommand(none);
    const asking = await shell('read -r answer || echo "no answer"');

    assertEquals([missing.code, missing.output.includes("/nonexistent")], [127, true]);
    assertEquals(asking.output, "no answer\n");
  });

  test("that somebody ends is not a failure to be made up for", async () => {
    await assertRejects(() => shell("kill -INT $$"), UserError, "was ended by SIGINT");
  });

  test("ends when we are killed", async () => {
    using own = temporaryFolder();
    const pidFile = join(own.path, "pid");
    const runtime = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];
    const script = `echo $$ > '${pidFile}.new'; mv '${pidFile}.new' '${pidFile}'; exec sleep 60`;
    const parent = spawn(process.execPath, [...runtime, runner, "/bin/sh", "-c", script]);
    while (!existsSync(pidFile)) await delay(10);
    const pid = Number(readFileSync(pidFile, "utf8"));

    parent.kill("SIGKILL");

    for (let tries = 0; isAlive(pid) && tries < 500; tries += 1) await delay(10);
    assertEquals(isAlive(pid), false);
  });
});
