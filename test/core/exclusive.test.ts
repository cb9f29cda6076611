import { afterEach, beforeEach, describe, test } from "node:test";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { withExclusive } from "../../src/core/exclusive.ts";

const holder = fileURLToPath(new URL("../support/hold-lock.ts", import.meta.url));

describe("exclusive work", () => {
  let folder: string;
  let lock: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "any claude "));
    lock = join(folder, "x.lock");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("is done by one after the other, and says once that it waits", async () => {
    let waits = 0;
    const at = { work: 0, most: 0 };
    const one = () =>
      withExclusive(lock, { onWait: () => void (waits += 1) }, async () => {
        at.most = Math.max(at.most, at.work += 1);
        while (waits < 2) await delay(5);
        at.work -= 1;
        return at.most;
      });

    const answers = await Promise.all([one(), one(), one()]);

    assertEquals([answers, waits], [[1, 1, 1], 2]);
    assertEquals([readdirSync(folder), statSync(lock).mode & 0o777], [["x.lock"], 0o600]);
  });

  test("is left to the next one when it fails", async () => {
    await assertRejects(
      () => withExclusive(lock, { onWait }, () => Promise.reject(new Error("No"))),
      Error,
      "No",
    );

    assertEquals(await withExclusive(lock, { onWait }, () => Promise.resolve("yes")), "yes");
  });

  test("is not waited for any longer than is wanted", async () => {
    const giveUp = new AbortController();

    await withExclusive(lock, { onWait }, async () => {
      const waiting = withExclusive(
        lock,
        { onWait: () => giveUp.abort(), signal: giveUp.signal },
        () => Promise.resolve(),
      );
      await assertRejects(() => waiting);
    });
  });

  test("of an owner in another process is respected, and over when that is killed", async () => {
    const runtime = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];
    const owner = spawn(process.execPath, [...runtime, holder, lock], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise((resolve) => owner.stdout.once("data", resolve));
    let isOver = false;

    const waiting = withExclusive(
      lock,
      {
        onWait: () =>
          void delay(150).then(() => {
            isOver = true;
            owner.kill("SIGKILL");
          }),
      },
      () => Promise.resolve(isOver),
    );

    assert(await waiting, "did not wait");
  });
});

function onWait(): void {
  throw new Error("Nobody had to be waited for");
}
