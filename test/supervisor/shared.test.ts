import { afterEach, beforeEach, describe, test } from "node:test";
import { mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import { silentLog } from "../../src/core/log.ts";
import { attachShared } from "../../src/supervisor/shared.ts";
import {
  fakeModel,
  type FakeServer,
  type FakeServers,
  fakeServers,
} from "../support/fake-servers.ts";
import { hurriedClock as clock } from "../support/hurried-clock.ts";

describe("a shared server", () => {
  let folder: string;
  let machine: FakeServers;
  let warnings: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "any claude "));
    machine = fakeServers();
    warnings = [];
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const path = (identity = "one") => join(folder, `${identity}.json`);
  const entry = (identity?: string) =>
    JSON.parse(readFileSync(path(identity), "utf8")) as Record<string, unknown>;
  const change = (changes: object) =>
    writeFileSync(path(), JSON.stringify({ ...entry(), ...changes }));

  function attach(identity = "one", signal = new AbortController().signal) {
    let addresses = 0;
    const options = {
      ...{ folder, identity, isAlive: machine.isAlive },
      prepare: () => Promise.resolve(machine.spawnAt),
      newAddress: () => {
        const number = 5000 + machine.started.length * 10 + (addresses += 1);
        return Promise.resolve({ url: `http://127.0.0.1:${number}`, token: `token ${number}` });
      },
      onWait() {},
      log: { ...silentLog, warn: (message: string) => void warnings.push(message) },
    };
    return attachShared(options, { fetch: machine.fetch, clock, signal });
  }
  const leases = () => machine.started.map((server) => server.leases);

  test("is started by one of those that come at once, and found by the others", async () => {
    const servers = await Promise.all([attach(), attach(), attach()]);

    const [server] = machine.started;
    assertEquals(leases(), [3]);
    assertEquals(servers.map(({ address }) => address), Array(3).fill(server?.address));
    assertEquals([entry()["pid"], entry()["url"]], [server?.pid, server?.address.url]);
    assertEquals(statSync(path()).mode & 0o777, 0o600);
  });

  test("is not the server of another model or build", async () => {
    await attach("one");
    await attach("other");

    assertEquals(leases(), [1, 1]);
  });

  test("stays when one lets go, whoever started it", async () => {
    const first = new AbortController();
    const starter = await attach("one", first.signal);
    await attach();

    first.abort();
    await starter.leave();

    assertEquals(leases(), [1]);
    assertEquals(machine.started[0]?.signals, []);
  });

  const unusable: readonly (readonly [string, (server: FakeServer) => void])[] = [
    ["whose process is gone", (server) => server.die(null)],
    ["that is another process by now", () => change({ pid: 7 })],
    ["that does not take the token", () => change({ token: "another" })],
    ["that cannot load its model", (server) => server.say({ status: "failed", error: null })],
    ["whose entry is cut off", () => writeFileSync(path(), `{"identity": "one", "url"`)],
    ["whose entry is empty", () => writeFileSync(path(), "")],
    ["whose entry is for another identity", () => change({ identity: "other" })],
    ["whose entry leads to another machine", () => change({ url: "http://192.0.2.1:80" })],
    ["whose entry has no token", () => change({ token: undefined })],
  ];
  for (const [what, spoil] of unusable) {
    test(`${what} is replaced, and left alone`, async () => {
      await attach();
      const [old] = machine.started;
      spoil(old!);

      const { address } = await attach();

      assertEquals(machine.started.length, 2);
      assertEquals([address, entry()["pid"]], [
        machine.started[1]?.address,
        machine.started[1]?.pid,
      ]);
      assertEquals(old?.signals, []);
    });
  }

  test("whose port somebody else has is replaced, and nobody else is shown a token", async () => {
    await attach();
    const [old] = machine.started;
    old?.die(null);
    const before = machine.shown.length;
    machine.occupy(String(entry()["url"]), () => Promise.resolve(new Response("<html>")));

    await attach();

    assertEquals(machine.shown.slice(before), [`Bearer ${machine.started[1]?.address.token}`]);
  });

  test("that is ending is waited for, so that the next one finds what it saves", async () => {
    await attach();
    const [old] = machine.started;
    machine.occupy(String(entry()["url"]), () => Promise.reject(new TypeError("refused")));

    const next = attach();
    await systemClock.sleep(20, new AbortController().signal);
    const meanwhile = machine.started.length;
    old?.die(0);
    await next;

    assertEquals([meanwhile, machine.started.length], [1, 2]);
  });

  test("that ends before it answers is no server: nothing is registered, the next may try", async () => {
    machine.onStart = (server) => server.die(3);
    await assertRejects(() => attach(), Error, "ended with code 3");
    machine.onStart = () => {};

    await attach();

    assertEquals(leases(), [0, 1]);
    assertEquals(entry()["pid"], machine.started[1]?.pid);
  });

  test("whose port was taken meanwhile is not taken for the one that answers there", async () => {
    const other = { pid: 7, status: "ready", model: fakeModel };
    machine.onStart = (server) => {
      machine.occupy(server.address.url, () => Promise.resolve(Response.json(other)));
      void systemClock.sleep(20, new AbortController().signal).then(() => server.die(1));
    };

    await assertRejects(() => attach(), Error, "ended with code 1");
    assertEquals(machine.shown, []);
  });

  test("that is given up before it answers is ended by whoever started it", async () => {
    const giveUp = new AbortController();
    machine.onStart = ({ address: { url } }) => {
      machine.occupy(url, () => Promise.reject(new TypeError("refused")));
      giveUp.abort();
    };

    await assertRejects(() => attach("one", giveUp.signal));

    assertEquals(machine.started[0]?.signals, ["SIGTERM"]);
  });

  test("that cannot be registered is used alone, with a warning", async () => {
    machine.onStart = () => rmSync(folder, { recursive: true });

    await attach();

    assertEquals([leases(), warnings], [[1], ["MLX server cannot be shared"]]);
  });

  test("is forgotten a week after its end, when the next one starts", async () => {
    await attach("old");
    await attach("running");
    await attach("young");
    const [old, , young] = machine.started;
    for (const server of [old, young]) server?.die(0);
    writeFileSync(join(folder, "old.log"), "words");
    const longAgo = clock.now() / 1000 - 8 * 24 * 3600;
    for (const name of ["old", "running"]) utimesSync(path(name), longAgo, longAgo);

    await attach("new");

    const left = ["old", "running", "young", "new"].filter((name) =>
      statSync(path(name), { throwIfNoEntry: false })
    );
    assertEquals(left, ["running", "young", "new"]);
    assert(!statSync(join(folder, "old.log"), { throwIfNoEntry: false }));
  });
});
