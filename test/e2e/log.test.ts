import { describe, test } from "node:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { addressOf, post } from "./support/messages.ts";
import { recordingServer } from "./support/openai.ts";
import { until } from "./support/until.ts";
import { createWorld, type World } from "./support/world.ts";

describe("the log of the proxy", () => {
  test("observes only: the backend is asked the same at every level", async () => {
    await using upstream = await recordingServer();
    const sent: string[][] = [];
    for (const level of ["0", "1", "2", "3"]) {
      using world = createWorld();
      const before = upstream.requests.length;

      await askTwice(world, upstream.url, level);

      sent.push(upstream.requests.slice(before));
      const { state } = world;
      const path = join(state, "anyclaude.log");
      const log = existsSync(path) ? readFileSync(path, "utf8") : "";
      assertEquals(log.split("[Cache Miss]").length - 1, level === "0" ? 0 : 1);
      assertEquals(log.split("[Cache HIT]").length - 1, level === "0" ? 0 : 1);
      assertEquals(log.split("[Cache Stats]").length - 1, level === "0" ? 0 : 2);
      assertEquals(log.includes("[Request]"), level >= "2");
      assert(!log.includes("upstream-secret") && !log.includes("a question"), log);
      const traces = join(state, "traces");
      assertEquals(existsSync(traces), level === "3");
      if (level === "3") checkTraces(traces);
    }

    assertEquals(sent.map((requests) => requests.length), [2, 2, 2, 2]);
    assertEquals(sent.slice(1), Array<unknown>(3).fill(sent[0]));
  });

  test("is printed, filtered and followed by anyclaude logs", async () => {
    using world = createWorld();
    await using upstream = await recordingServer();
    await askTwice(world, upstream.url, "2");

    const path = await world.anyclaude(["logs", "--path"]);
    const all = await world.anyclaude(["logs"]);
    const some = await world.anyclaude(["logs", "--level", "1"]);
    const following = world.start(["logs", "-f"]);
    let said = "";
    following.child.stdout?.on("data", (text: string) => said += text);
    await following.firstLine;
    await askTwice(world, upstream.url, "1");
    const statsIn = (text: string) => text.split("[Cache Stats]").length;
    await until("the new lines", () => statsIn(said) > statsIn(all.stdout));
    following.child.kill("SIGINT");
    const wrong = await world.anyclaude(["logs", "--level", "7"]);

    assertEquals(readFileSync(path.stdout.trim(), "utf8").startsWith(all.stdout), true);
    assertMatch(all.stdout, /debug \[Request\] \{.*"promptTokens":7,/);
    assertEquals(some.stdout.includes("[Request]"), false);
    assertStringIncludes(some.stdout, "[Cache Stats] Hit Rate: 50.0% (1/2), Cached Items: 1/256");
    assertEquals([wrong.code, wrong.stdout], [2, ""]);
  });
});

/** One question twice: once to the backend, once to the cache. */
async function askTwice(world: World, baseUrl: string, level: string): Promise<void> {
  const serving = world.start(["serve", "--json", "--mode", "openai", "--base-url", baseUrl], {
    ANYCLAUDE_DEBUG: level,
    OPENAI_API_KEY: "upstream-secret",
  });
  const address = await addressOf(serving);
  for (const stream of [true, false]) {
    const request = {
      model: "m",
      max_tokens: 10,
      messages: [{ role: "user" as const, content: `a question at ${world.project.length}` }],
    };
    await (await post(address, { ...request, stream })).text();
  }
  await serving.end();
}

function checkTraces(folder: string): void {
  const names = readdirSync(folder).toSorted();
  const texts = names.map((name) => readFileSync(join(folder, name), "utf8"));

  assertEquals(names.map((name) => name.match(/-([a-z]+)\.txt$/)?.[1]), [
    ...["client", "upstream", "client"],
  ]);
  for (const text of texts) {
    assertStringIncludes(text, "[redacted]");
    assertStringIncludes(text, "a question");
    // After [DONE] nothing is read.
    assertMatch(text, /\n── (ended|no more was read)\n$/);
    assert(!text.includes("upstream-secret") && !/anyclaude_[\w-]{20}/.test(text), text);
  }
}
