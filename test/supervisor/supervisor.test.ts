import { describe, test } from "node:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import { UserError } from "../../src/core/user-error.ts";
import { type Child, spawnChild } from "../../src/supervisor/child.ts";
import type { Fetch } from "../../src/supervisor/health.ts";
import { Supervisor } from "../../src/supervisor/supervisor.ts";

const model = { id: "tiny", context_length: 100, fingerprint: "f" };
/** Real time, faster: waits are not what is tested. */
const clock = {
  now: systemClock.now,
  sleep: (ms: number, signal: AbortSignal) => systemClock.sleep(Math.min(ms, 2), signal),
};

describe("the supervisor", () => {
  test("is ready when the model is, and starts again what has died", async () => {
    const { supervisor, children, say } = supervised();
    say({ status: "loading" });
    const starting = supervisor.start();
    say({ status: "ready", model });

    assertEquals(await starting, { id: "tiny", contextLength: 100, fingerprint: "f" });
    children[0]?.die(null);
    while (children.length < 2) await systemClock.sleep(2, new AbortController().signal);

    await supervisor[Symbol.asyncDispose]();
    assertEquals(children.map(({ signals }) => signals), [[], ["SIGTERM"]]);
  });

  test("says why the model cannot be loaded, and ends the server", async () => {
    const { supervisor, children, say } = supervised();
    say({ status: "failed", error: { message: "No weights in x" } });

    await assertRejects(() => supervisor.start(), UserError, "No weights in x");
    assertEquals(children[0]?.signals, ["SIGKILL"]);
  });

  test("gives up on a server that dies again and again, with its last words", async () => {
    const { supervisor, children } = supervised({ diesAtOnce: true });

    const error = await supervisor.start().then(() => undefined, (each: Error) => each);

    assertStringIncludes(error?.message ?? "", "6 times in a row");
    assertStringIncludes(error?.message ?? "", "Traceback");
    assertEquals(children.length, 6);
  });
});

describe("a child", () => {
  test("writes into its log, and is signalled with its whole group", async () => {
    const folder = mkdtempSync(join(tmpdir(), "any claude "));
    const logFile = join(folder, "log");
    const child = spawnChild({
      program: "/bin/sh",
      args: ["-c", "echo started; sleep 60 & wait"],
      env: process.env,
      logFile,
    });
    while (!readFileSync(logFile, "utf8").includes("started")) {
      await systemClock.sleep(5, new AbortController().signal);
    }

    child.signal("SIGTERM");

    assertEquals(await child.exited, null);
    rmSync(folder, { recursive: true });
  });

  test("that cannot be started has exited", async () => {
    const folder = mkdtempSync(join(tmpdir(), "any claude "));
    const command = { args: [], env: {}, logFile: join(folder, "log") };
    const child = spawnChild({ program: join(folder, "nothing"), ...command });

    assertEquals(await child.exited, null);
    rmSync(folder, { recursive: true });
  });
});

interface FakeChild extends Child {
  readonly signals: string[];
  die(code: number | null): void;
}

function supervised({ diesAtOnce = false } = {}) {
  let health: object = { status: "loading" };
  const children: FakeChild[] = [];
  const fetch: Fetch = (url, { signal }) =>
    url.endsWith("/health")
      ? Promise.resolve(Response.json(health))
      : new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  const supervisor = new Supervisor({
    ...{ url: "http://server.test", token: "t", fetch, clock, log: silentLog },
    lastWords: () => "Traceback",
    spawn() {
      const exited = Promise.withResolvers<number | null>();
      const signals: string[] = [];
      const child: FakeChild = {
        pid: 1,
        exited: exited.promise,
        signals,
        signal(name) {
          signals.push(name);
          exited.resolve(null);
        },
        die: exited.resolve,
      };
      children.push(child);
      if (diesAtOnce) exited.resolve(1);
      return child;
    },
  });
  return { supervisor, children, say: (answer: object) => void (health = answer) };
}
