import { describe, test } from "node:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import { UserError } from "../../src/core/user-error.ts";
import { type Child, endChild, spawnChild } from "../../src/supervisor/child.ts";
import { launchOwn } from "../../src/supervisor/launch.ts";
import { Supervisor, type SupervisorOptions } from "../../src/supervisor/supervisor.ts";
import { fakeModel, fakeServers } from "../support/fake-servers.ts";
import { hurriedClock as clock } from "../support/hurried-clock.ts";

describe("the supervisor", () => {
  test("is ready when the model is, and tells of the time until then", async () => {
    const { supervisor, machine, waits } = supervised();
    machine.onStart = (server) => server.say({ status: "loading" });
    const starting = supervisor.start();
    await until(() => waits.length > 0);
    machine.started[0]?.say({ status: "ready", model: fakeModel });

    assertEquals(await starting, { id: "tiny", contextLength: 100, fingerprint: "f" });
    assertEquals(supervisor.address(), machine.started[0]?.address);
  });

  test("goes to another server when one has died, and holds a lease there", async () => {
    const { supervisor, machine } = supervised();
    await supervisor.start();

    machine.started[0]?.die(null);
    await until(() => supervisor.address() === machine.started[1]?.address);

    assertEquals(machine.started.map(({ leases }) => leases), [0, 1]);
  });

  test("ends a server of its own when it is disposed, and starts no other", async () => {
    const { supervisor, machine } = supervised();
    await supervisor.start();

    await supervisor[Symbol.asyncDispose]();
    await systemClock.sleep(10, new AbortController().signal);

    assertEquals(machine.started.map(({ signals }) => signals), [["SIGTERM"]]);
  });

  test("lets go of a server that stays, and hears no more of it", async () => {
    let left = 0;
    const leave = async () => {
      await systemClock.sleep(5, new AbortController().signal);
      left += 1;
    };
    const { supervisor, machine } = supervised({}, leave);
    await supervisor.start();

    await supervisor[Symbol.asyncDispose]();
    const leftThen = left;
    await supervisor.start();
    const leases = machine.started.map((server) => server.leases);
    machine.started[0]?.die(null);
    await systemClock.sleep(20, new AbortController().signal);

    assertEquals([leftThen, leases], [1, [0, 1]]);
    assertEquals(machine.started.length, 2);
  });

  test("says why the model cannot be loaded, and leaves the server", async () => {
    const { supervisor, machine } = supervised();
    machine.onStart = (server) =>
      server.say({ status: "failed", error: { message: "No weights in x" } });

    await assertRejects(() => supervisor.start(), UserError, "No weights in x");
    await supervisor[Symbol.asyncDispose]();

    assertEquals(machine.started.map(({ signals }) => signals), [["SIGTERM"]]);
  });

  test("gives up on a server that dies again and again, and says so from then on", async () => {
    const { supervisor, machine } = supervised();
    machine.onStart = (server) => server.die(1);

    const error = await supervisor.start().then(() => undefined, (each: Error) => each);

    assertStringIncludes(error?.message ?? "", "it ended with code 1 6 times in a row. Traceback");
    assertThrows(() => supervisor.address(), UserError, "6 times in a row");
    assertEquals(machine.started.length, 6);
  });

  test("does not try again what the user has to mend", async () => {
    let attempts = 0;
    const { supervisor } = supervised({
      attach() {
        attempts += 1;
        return Promise.reject(new UserError("Cannot find Python"));
      },
    });

    await assertRejects(() => supervisor.start(), UserError, "Cannot find Python");
    assertEquals(attempts, 1);
  });

  test("does not go on with another model than the one it began with", async () => {
    const { supervisor, machine } = supervised();
    await supervisor.start();
    machine.onStart = (server) =>
      server.say({ status: "ready", model: { ...fakeModel, fingerprint: "g" } });

    machine.started[0]?.die(null);
    await until(() => machine.started[1]?.signals.length === 1);

    assertThrows(() => supervisor.address(), UserError, "tiny has changed on disk");
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
      cwd: "/",
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
    const command = { args: [], env: {}, cwd: "/", logFile: join(folder, "log") };
    const child = spawnChild({ program: join(folder, "nothing"), ...command });

    assertEquals(await child.exited, null);
    rmSync(folder, { recursive: true });
  });

  test("that does not listen is killed", async () => {
    const signals: string[] = [];
    const exited = Promise.withResolvers<number | null>();
    const child: Child = {
      ...{ pid: 1, exited: exited.promise },
      signal(name) {
        signals.push(name);
        if (name === "SIGKILL") exited.resolve(null);
      },
    };

    await endChild(child, clock);

    assertEquals(signals, ["SIGTERM", "SIGKILL"]);
  });
});

function supervised(
  options: Partial<SupervisorOptions> = {},
  leave?: () => Promise<void>,
) {
  const machine = fakeServers();
  const waits: number[] = [];
  const supervisor = new Supervisor({
    ...{ fetch: machine.fetch, clock, log: silentLog },
    async attach(asking) {
      const url = `http://127.0.0.1:${5000 + machine.started.length}`;
      const server = await launchOwn(machine.spawnAt, { url, token: "t" }, asking);
      return leave ? { ...server, leave } : server;
    },
    onLoading: (waitedMs) => void waits.push(waitedMs),
    lastWords: () => "Traceback",
    ...options,
  });
  return { supervisor, machine, waits };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await systemClock.sleep(2, new AbortController().signal);
}
