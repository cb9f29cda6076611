import { after, before, describe, test } from "node:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { summed } from "./support/summary.ts";
import { createWorld, type Ran, type World } from "./support/world.ts";

const tools = ["--allowedTools", "Read Bash Write"];

describe("claude -p on the tiny model", () => {
  let world: World;
  before(() => void (world = createWorld()));
  after(() => world[Symbol.dispose]());

  const ask = (...args: readonly string[]): Promise<Ran> =>
    world.anyclaude(["--model", "tiny", ...tools, "-p", ...args]);

  test("reads a file by a real tool call, and the second request reuses the first prompt", async () => {
    const ran = await ask("read a.txt");

    assertEquals(ran.code, 0, ran.stderr);
    assertStringIncludes(ran.stdout, "hello from a");
    assertStringIncludes(ran.stderr, "Total Requests: 2");
    const reused = summed(ran, "Tokens from Cache");
    assert(reused > 15_000, ran.stderr);
    // The first prompt and the few new tokens of the second one.
    assert(summed(ran, "Cache Creation Tokens") < reused + 500, ran.stderr);
  });

  test("works behind a proxy that cannot reach this machine", async () => {
    // Of its own: the server of the test before may be about to end.
    using other = createWorld();

    const ran = await other.anyclaude(["--model", "tiny", ...tools, "-p", "read src/main.py"], {
      HTTP_PROXY: "http://127.0.0.1:9",
      no_proxy: "example.com",
    });

    assertEquals(ran.code, 0, ran.stderr);
    assertStringIncludes(ran.stderr, "Total Requests: 2");
  });

  test("prints JSON alone on standard output", async () => {
    const ran = await ask("hi", "--output-format", "json");

    const answer = JSON.parse(ran.stdout) as { is_error: boolean; result: string };
    assertEquals(answer.is_error, false);
    assert(answer.result.length > 0);
    assertMatch(ran.stderr, /\n✅ Cache Performance Summary/);
  });

  test("goes on with a conversation, writes a file and reports a failure", async () => {
    const wrote = await ask("write notes.txt: some text");
    const failed = await ask("read missing.txt", "--continue");

    assertEquals(wrote.code, 0, wrote.stderr);
    assert(existsSync(join(world.project, "notes.txt")), wrote.stdout);
    assertStringIncludes(readFileSync(join(world.project, "notes.txt"), "utf8"), "some text");
    assertStringIncludes(failed.stdout, "That failed");
  });

  test("leaves nothing of its own in the project folder", async () => {
    await ask("hi");

    assertEquals(
      ["anyclaude.log", ".anyclaude", "__pycache__"].filter((name) =>
        existsSync(join(world.project, name))
      ),
      [],
    );
  });
});
