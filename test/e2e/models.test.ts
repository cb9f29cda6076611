import { describe, test } from "node:test";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Fault, type HubStandIn, hubStandIn, type Seen } from "./support/hub.ts";
import { addressOf, post } from "./support/messages.ts";
import { tinyAs } from "./support/models.ts";
import { isAlive } from "../../src/supervisor/child.ts";
import { noOwnDisk, withOwnDisk } from "./support/own-disk.ts";
import { descendants, serversOf, untilEnded, untilServersEnded } from "./support/processes.ts";
import { hasTmux, openTerminal } from "./support/terminal.ts";
import { until } from "./support/until.ts";
import { anyclaudeCommand, createWorld, type World } from "./support/world.ts";

const name = "someone/tiny-float32";
const cached = "models--someone--tiny-float32";

/** A hub that has one model, whose weights are by far the largest file. */
async function setUp(config: object = {}) {
  const folder = join(await tinyAs("float32"), "tiny");
  const hub = await hubStandIn({ [name]: folder });
  const world = createWorld(config);
  return {
    hub,
    world,
    env: { HF_ENDPOINT: hub.url },
    repository: join(world.home, ".cache", "huggingface", "hub", cached),
    [Symbol.dispose]() {
      hub[Symbol.dispose]();
      world[Symbol.dispose]();
    },
  };
}

/** The weights are the only file that comes from another port. */
const ofWeights = "signature";

async function rangesOfWeights(hub: HubStandIn): Promise<readonly (string | null)[]> {
  return (await hub.seen()).filter(isOfWeights).map(({ range }) => range);
}

function isOfWeights({ path }: Seen): boolean {
  return path.includes(ofWeights);
}

/** Until so many bytes have arrived, of which the command line says nothing. */
async function untilArrived(hub: HubStandIn, repository: string, bytes: number): Promise<void> {
  await until(`${bytes} bytes`, () => {
    const found = spawnSync("find", [
      repository,
      "-name",
      "*.incomplete",
      "-size",
      `+${bytes - 1}c`,
    ]);
    return found.stdout.toString().trim() !== "";
  });
  assert((await hub.seen()).some(isOfWeights));
}

describe("models", () => {
  test("named by a script are downloaded, answer, and are not asked for again", async () => {
    using setting = await setUp();
    const { hub, world, env, repository } = setting;

    const running = world.start(["serve", "--json", "--model", name], env);
    const messages = [{ role: "user" as const, content: "hi" }];
    const response = await post(await addressOf(running), {
      model: name,
      max_tokens: 99,
      messages,
    });
    const said = JSON.stringify(await response.json());
    const seen = await hub.seen();
    const { stderr } = await running.end();
    const again = world.start(["serve", "--json", "--model", name], env);
    await addressOf(again);
    await again.end();
    const list = await world.anyclaude(["models", "--json"], env);

    assertStringIncludes(said, "tiny demonstration model");
    assertStringIncludes(stderr, `Downloading ${name}, 3.0 MB\n`);
    assertStringIncludes(stderr, "3.0 of 3.0 MB");
    assert(!stderr.includes("\r"), stderr);
    assertEquals((await hub.seen()).length, seen.length);
    const { models } = JSON.parse(list.stdout) as { models: readonly Record<string, unknown>[] };
    const [{ bytes, tokens, neededBytes, ...model } = {}] = models;
    assertEquals(models.length, 1);
    assertEquals(model, {
      ...{ name, place: "Hugging Face cache", folder: repository, complete: true },
      ...{ contextLength: 131_072, tools: true, verdict: "fits" },
    });
    assert(Number(bytes) > 3e6 && Number(neededBytes) > 1e9 && Number(tokens) > 0);
  });

  for (const signal of ["SIGKILL", "SIGINT", "SIGTERM"] as const) {
    test(`go on after ${signal} in the middle where they stopped`, async () => {
      using setting = await setUp();
      const { hub, world, env, repository } = setting;
      await hub.fail({ path: ofWeights, sent: 1_000_000, holds: true });

      const running = world.start(["models", "pull", name], env);
      await untilArrived(hub, repository, 1_000_000);
      const python = descendants(running.child.pid ?? 0);
      running.child.kill(signal);
      const { code, stderr } = await running.exited;
      await until("the end of Python", () => python.every(({ pid }) => !isAlive(pid)));
      const list = await world.anyclaude(["models"], env);
      const again = await world.anyclaude(["models", "pull", name], env);

      const codes = { SIGKILL: null, SIGINT: 130, SIGTERM: 143 };
      assertEquals(code, codes[signal], stderr);
      if (signal !== "SIGKILL") assertStringIncludes(stderr, "the same command goes on from there");
      assertStringIncludes(list.stdout, "not all of it is here: pull goes on");
      assertEquals(again.code, 0, again.stderr);
      assertStringIncludes(again.stderr, `Downloading ${name}, 3.0 MB, of which 1.1 MB are here`);
      assertEquals(await rangesOfWeights(hub), [null, "bytes=1000000-"]);
      assertStringIncludes((await world.anyclaude(["models"], env)).stdout, "fits");
    });
  }

  test("are downloaded once by two that come at once", async () => {
    using setting = await setUp();
    const { hub, world, env } = setting;
    await hub.fail({ path: ofWeights, sent: 1_000_000 }, { path: ofWeights, sent: 1_000_000 });

    const both = await Promise.all(
      [1, 2].map(() => world.anyclaude(["models", "pull", name], env)),
    );

    assertEquals(both.map(({ code }) => code), [0, 0], both[0]!.stderr + both[1]!.stderr);
    assertEquals(await rangesOfWeights(hub), [null, "bytes=1000000-", "bytes=2000000-"]);
    const waited = both.filter(({ stderr }) => stderr.includes("Waiting for another anyclaude"));
    assertEquals(waited.length, 1);
  });

  const refusals: readonly { what: string; faults: readonly Fault[]; said: string }[] = [
    { what: "that do not exist", faults: [{ path: "/api/", status: 404 }], said: "no such model" },
    {
      what: "that are for those who asked",
      faults: [{ path: "/api/", status: 403, headers: { "x-error-code": "GatedRepo" } }],
      said: "do so at http://127.0.0.1",
    },
    {
      what: "that are changed on the way",
      faults: [{ path: ofWeights, changes: true, times: 2 }],
      said: "is not what the hub announced, twice in a row",
    },
  ];
  for (const { what, faults, said } of refusals) {
    test(`${what}: one sentence, no stack, exit code 1`, async () => {
      using setting = await setUp();
      await setting.hub.fail(...faults);

      const ran = await setting.world.anyclaude(["serve", "--model", name], setting.env);

      assertStringIncludes(ran.stderr, `anyclaude: Cannot download ${name}: `);
      assertStringIncludes(ran.stderr, said);
      assert(!/Traceback|^ +at /m.test(ran.stderr), ran.stderr);
      assertEquals([ran.code, ran.stdout], [1, ""]);
    });
  }

  test("without a network: one sentence", async () => {
    using world = createWorld();

    const ran = await world.anyclaude(["models", "pull", name], {
      HF_ENDPOINT: "http://127.0.0.1:9",
    });

    assertStringIncludes(ran.stderr, "http://127.0.0.1:9 cannot be reached");
    assertEquals(ran.code, 1);
  });

  test("are not begun on a disk that is too small", {
    skip: noOwnDisk,
  }, async () => {
    using setting = await setUp();
    const { world, env, hub } = setting;
    const disk = join(world.home, "small disk");
    mkdirSync(disk);
    const by = withOwnDisk(`mount -t tmpfs -o size=2m none '${disk}' &&`);

    const ran = await world.start(["models", "pull", name], { ...env, HF_HUB_CACHE: disk }, by)
      .exited;

    assertStringIncludes(ran.stderr, "it needs 3.0 MB more, and 2.1 MB are free in");
    assertEquals([ran.code, (await rangesOfWeights(hub)).length], [1, 0]);
  });

  test("are removed when asked for, and not while a server uses them", async () => {
    using setting = await setUp({ serverWarmSeconds: 600 });
    const { world, env, repository } = setting;
    const others = join(world.home, ".lmstudio", "models", "someone", "other");
    cpSync(join(await tinyAs("float32"), "tiny"), others, { recursive: true });
    const running = world.start(["serve", "--json", "--model", name], env);
    await addressOf(running);
    await running.end();

    const remove = (...args: readonly string[]) => world.anyclaude(["models", "rm", ...args], env);
    const inUse = await remove(name, "--yes");
    const servers = serversOf(world);
    for (const pid of servers) process.kill(pid, "SIGTERM");
    await untilEnded(servers);
    const unasked = await remove(name);
    const isThere = existsSync(repository);
    const removed = await remove(name, "--yes");
    const gone = await remove(name, "--yes");
    const theirs = await remove("someone/other", "--yes");

    assertStringIncludes(inUse.stderr, "a model server uses it");
    assertStringIncludes(unasked.stderr, "--yes says that you want it");
    assertEquals([inUse.code, unasked.code, isThere], [1, 2, true]);
    assertEquals(removed.stdout, `Removed ${name}: 3.0 MB are free again\n`);
    assertEquals([removed.code, existsSync(repository)], [0, false]);
    assertStringIncludes(gone.stderr, "it is not in");
    assertStringIncludes(theirs.stderr, "it is LM Studio's; remove it there");
    assertEquals([gone.code, theirs.code, existsSync(others)], [1, 1, true]);
  });
});

describe("models at a terminal", { skip: hasTmux ? false : "there is no tmux" }, () => {
  /** What stands on the screen of somebody who starts without a model. */
  function start(world: World, env: Readonly<Record<string, string>>, ...args: readonly string[]) {
    const command = [...anyclaudeCommand(), ...args];
    return openTerminal(command, { cwd: world.project, env: { ...world.env, ...env } });
  }

  test("are offered, downloaded after a yes, remembered, used, and forgotten after a no", async () => {
    using setting = await setUp();
    const { world, env, hub } = setting;

    using first = start(world, env, "serve");
    await first.see("Which model should answer?");
    await first.see("(download of ");
    await chooseAnother(first);
    await first.see(`Download ${name}, 3.0 MB?`);
    assertEquals(await rangesOfWeights(hub), []);
    first.press("Enter");
    await first.see("Listening on");
    first.press("C-c");
    await first.see("[ended with 0]");
    using second = start(world, env, "serve");
    await second.see("Listening on");

    assertEquals(await rangesOfWeights(hub), [null]);
    assert(!second.history().includes("Which model"), second.history());
    second.press("C-c");
    await second.see("[ended with 0]");

    await untilServersEnded(world);
    await world.anyclaude(["models", "rm", name, "--yes"], env);
    using third = start(world, env, "serve");
    await third.see(`Download ${name}, 3.0 MB?`);
    third.type("n");
    await third.see(`Cannot start without ${name}: it is not downloaded`);
    using fourth = start(world, env, "serve");
    await fourth.see("Which model should answer?");
  });

  test("are no longer asked for when the terminal is gone", async () => {
    using setting = await setUp();
    const { world, env } = setting;
    const terminal = start(world, env, "serve");
    await terminal.see("Which model should answer?");
    const pids = descendants(terminal.pid).map(({ pid }) => pid);

    terminal[Symbol.dispose]();

    await until("the end of serve", () => !pids.some(isAlive), { seconds: 10 });
    assert(pids.length > 0);
  });

  test("are not downloaded after a no", async () => {
    using setting = await setUp();
    const { world, env, hub } = setting;

    using first = start(world, env, "serve");
    await first.see("Which model should answer?");
    await chooseAnother(first);
    await first.see(`Download ${name}`);
    first.type("n");
    await first.see(`Cannot start without ${name}: it is not downloaded`);

    assertEquals(await rangesOfWeights(hub), []);
  });

  test("show a bar that moves, and are stopped by Ctrl-C", async () => {
    using setting = await setUp();
    const { world, env, hub } = setting;
    await hub.fail({ path: ofWeights, sent: 1_500_000, holds: true });

    using terminal = start(world, env, "models", "pull", name);
    await terminal.see(/█+░+ 1\.6 of 3\.0 MB/);
    terminal.press("C-c");
    await terminal.see("[ended with 130]");

    assertStringIncludes(terminal.history(), "the same command goes on from there");
  });

  async function chooseAnother(terminal: ReturnType<typeof openTerminal>): Promise<void> {
    // The last one is above the first one.
    terminal.press("Up");
    await terminal.see("a Hugging Face name or a folder");
    terminal.press("Enter");
    await terminal.see("Its name or folder:");
    terminal.type(name);
    terminal.press("Enter");
  }
});
