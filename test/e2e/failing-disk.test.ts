import { describe, test } from "node:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { MessageResponse } from "../../src/protocol/anthropic.ts";
import { type Address, addressOf, post } from "./support/messages.ts";
import { recordingServer } from "./support/openai.ts";
import { noOwnDisk as skip, withOwnDisk } from "./support/own-disk.ts";
import { descendants } from "./support/processes.ts";
import { createWorld, type Running, type World } from "./support/world.ts";

describe("a disk that fails", () => {
  test("with damaged files: answers go on, one warning for each file", async () => {
    await using upstream = await recordingServer();
    using world = createWorld();
    const { state } = world;
    mkdirSync(state);
    const files = ["responses.sqlite", "history.sqlite"].map((name) => join(state, name));
    for (const file of files) {
      writeFileSync(file, "no database, and longer than a header".repeat(9));
    }

    const running = serve(world, upstream.url);
    const address = await addressOf(running);
    const said = [await ask(address, "A"), await ask(address, "A")];
    await running.end();

    assertEquals(said, ["Hi, miss", "Hi, hit; tier=memory"]);
    const log = readFileSync(join(state, "anyclaude.log"), "utf8");
    assertEquals(log.split("response cache was damaged and starts anew").length, 2, log);
    assertEquals(log.split("request history was damaged and starts anew").length, 2, log);
    assertEquals(files.map((file) => statSync(`${file}.damaged`).size > 0), [true, true]);
    assertEquals(log.split(" warn ").length, 3, log);
  });

  test("that is read-only: answers go on from memory, and the user is told once", {
    skip,
  }, async () => {
    await using upstream = await recordingServer();
    using world = createWorld();
    mkdirSync(world.state);

    const running = serve(world, upstream.url, "mount -t tmpfs -o ro,size=1m none", 256);
    const address = await addressOf(running);
    const said = [await ask(address, "A"), await ask(address, "B"), await ask(address, "A")];
    const { code, stderr } = await running.end();

    assertEquals(said, ["Hi, miss", "Hi, miss", "Hi, hit; tier=memory"]);
    assertEquals(code, 0);
    for (
      const warning of [
        "No answer, record or log is kept.\n",
        "anyclaude: response cache on disk cannot be used: ",
        "anyclaude: request history cannot be used: ",
        "  Hit Rate: 33.3%\n",
      ]
    ) assertEquals(stderr.split(warning).length, 2, stderr);
  });

  test("that is full: answers go on, what was stored before is given again", {
    skip,
  }, async () => {
    await using upstream = await recordingServer();
    using world = createWorld();
    mkdirSync(world.state);

    const running = serve(world, upstream.url, "mount -t tmpfs -o size=1m none");
    const address = await addressOf(running);
    const before = await ask(address, "A");
    inside(running, `cat /dev/zero > '${world.state}/fill'`);
    // One entry fits into memory: B sends A to the disk.
    const during = [];
    for (const question of ["B", "A", "C", "C"]) during.push(await ask(address, question));
    inside(running, `rm '${world.state}/fill'`);
    const after = [await ask(address, "D"), await ask(address, "C"), await ask(address, "D")];
    const { code, stderr } = await running.end();

    assertEquals(before, "Hi, miss");
    assertEquals(during, ["Hi, miss", "Hi, hit; tier=sqlite", "Hi, miss", "Hi, hit; tier=memory"]);
    assertEquals(after, ["Hi, miss", "Hi, miss", "Hi, hit; tier=sqlite"]);
    assertEquals(code, 0);
    assertStringIncludes(stderr, "  Total Requests: 8\n");
    assertEquals(stderr.split("anyclaude: request history cannot be written: ").length, 2, stderr);
    assertEquals(stderr.split("anyclaude: cache tier failed: ").length, 2, stderr);
  });

  for (const [what, options] of [["read-only", "ro,size=1m"], ["full", "size=300k"]] as const) {
    test(`that is ${what}: the MLX server is used, and not shared`, { skip }, async () => {
      using world = createWorld();
      mkdirSync(world.state);
      const fill = what === "full" ? `cat /dev/zero > '${world.state}/fill';` : "";
      const mount = `mount -t tmpfs -o ${options} none '${world.state}' && ${fill}`;

      const by = withOwnDisk(mount);
      const running = world.start(["serve", "--json", "--model", "tiny"], {}, by);
      const said = await ask(await addressOf(running), "hi");
      const { code, stderr } = await running.end();

      assertStringIncludes(said, ", miss");
      assertEquals(stderr.split(/MLX servers? cannot be shared/).length, 2, stderr);
      assertEquals(code, 0);
    });
  }

  test("shared by two: both are answered, and each is given what the other stored", async () => {
    await using upstream = await recordingServer();
    using world = createWorld();
    const both = [serve(world, upstream.url, "", 256), serve(world, upstream.url, "", 256)];
    const addresses = await Promise.all(both.map(addressOf));

    const said = await Promise.all(
      Array.from(
        { length: 100 },
        (_, number) => ask(addresses[number % 2]!, `Q${Math.floor(number / 2)}`),
      ),
    );
    const again = [];
    for (const address of addresses) {
      for (let number = 0; number < 50; number += 1) again.push(await ask(address, `Q${number}`));
    }
    await Promise.all(both.map((each) => each.end()));
    const stats = await world.anyclaude(["stats", "--json"]);
    const cache = await world.anyclaude(["cache", "--json"]);

    assertEquals(said.every((each) => each.startsWith("Hi, ")), true);
    assertEquals(again.every((each) => each.startsWith("Hi, hit; tier=")), true, String(again));
    const { total } = JSON.parse(stats.stdout) as { total: { requests: number; hits: number } };
    assertEquals([total.requests, total.hits >= 100], [200, true]);
    const { disk } = JSON.parse(cache.stdout) as { disk: { entries: number } };
    assertEquals(disk.entries, 50);
    // Made by the first warning.
    assertEquals(existsSync(join(world.state, "anyclaude.log")), false);
  });
});

/** The proxy, with the state folder on a disk of its own when `mount` says which. */
function serve(world: World, baseUrl: string, mount = "", cacheSize = 1): Running {
  const args = ["serve", "--json", "--mode", "openai", "--base-url", baseUrl];
  const env = { ANYCLAUDE_DEBUG: "0", VLLM_CACHE_SIZE: String(cacheSize) };
  if (mount === "") return world.start(args, env);
  return world.start(args, env, withOwnDisk(`${mount} '${world.state}' &&`));
}

/** Runs a command where the proxy's disk is. It may fail: a disk that is full says so. */
function inside({ child }: Running, command: string): void {
  const pid = descendants(child.pid ?? 0).at(-1)?.pid ?? child.pid;
  spawnSync("nsenter", [
    ...["-t", String(pid), "-U", "-m", "--preserve-credentials"],
    ...["sh", "-c", command],
  ]);
}

/** What was said, and where it came from. */
async function ask(address: Address, content: string): Promise<string> {
  const messages = [{ role: "user" as const, content }];
  const response = await post(address, { model: "m", max_tokens: 10, messages });
  const { content: blocks } = await response.json() as MessageResponse;
  const text = blocks.map((block) => block.type === "text" ? block.text : "").join("");
  return `${text}, ${response.headers.get("x-anyclaude-cache")}`;
}
