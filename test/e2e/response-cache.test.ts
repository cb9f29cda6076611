import { describe, test } from "node:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { MessageResponse } from "../../src/protocol/anthropic.ts";
import type { Metrics } from "../../src/monitor/metrics.ts";
import { type Address, addressOf, post } from "./support/messages.ts";
import { createWorld } from "./support/world.ts";

const asking = (content: string) => ({
  model: "tiny",
  max_tokens: 100,
  messages: [{ role: "user" as const, content }],
});

describe("the response cache", () => {
  test("answers A, B, A with two generations, and A once more after a restart", async () => {
    using world = createWorld();
    const serve = () =>
      world.start(["serve", "--json", "--model", "tiny"], { ANYCLAUDE_DEBUG: "1" });

    const first = serve();
    const address = await addressOf(first);
    const one = await ask(address, "hi");
    const two = await ask(address, "thanks");
    const three = await ask(address, "hi");
    const headers = { authorization: `Bearer ${address.token}` };
    const metrics = await (await fetch(`${address.url}/stats`, { headers })).json() as Metrics;
    const { stderr } = await first.end();
    const second = serve();
    const four = await ask(await addressOf(second), "hi");

    const stats = await world.anyclaude(["stats", "--by", "mode", "--json"]);
    const table = await world.anyclaude(["stats"]);
    const shown = await world.anyclaude(["cache", "--json"]);
    const cleared = await world.anyclaude(["cache", "clear"]);
    const empty = await world.anyclaude(["cache"]);

    assertEquals([metrics.totalRequests, metrics.hitCount, metrics.missCount], [3, 1, 2]);
    const { groups, findings } = JSON.parse(stats.stdout) as {
      groups: readonly Record<string, unknown>[];
      findings: readonly unknown[];
    };
    assertEquals(groups.map(({ name, requests, hits }) => [name, requests, hits]), [["mlx", 4, 2]]);
    assertEquals(findings, [{ cause: "new-questions", requests: 2 }]);
    assertMatch(table.stdout, /\ntotal +4 +2 +50\.0% /);
    assertEquals((JSON.parse(shown.stdout) as { disk: { entries: number } }).disk.entries, 2);
    assertMatch(cleared.stdout, /^Removed 2 answers, /);
    assertMatch(empty.stdout, /\ndisk +0 answers.*\nprefixes +0\.0 KB/);
    assertEquals([one, two, three, four].map(({ cache }) => cache), [
      "miss",
      "miss",
      "hit; tier=memory",
      "hit; tier=sqlite",
    ]);
    assertEquals(three.text, one.text);
    assertEquals(four.text, one.text);
    assertStringIncludes(
      stderr,
      "Total Requests: 3\n  Cache Hits: 1\n  Cache Misses: 2\n  Hit Rate: 33.3%\n",
    );
    const log = readFileSync(join(world.state, "anyclaude.log"), "utf8");
    assertStringIncludes(log, "[Cache Miss] Processing new request (cache size: 1/256)");
    assertStringIncludes(log, "[Cache Stats] Hit Rate: 33.3% (1/3), Cached Items: 2/256");
  });

  test("answers the real client's second run without the model, and --fresh with it", async () => {
    using world = createWorld();
    const run = (...more: readonly string[]) =>
      world.anyclaude(["--model", "tiny", ...more, "--allowedTools", "Read", "-p", "read a.txt"]);

    const first = await run();
    const second = await run();
    const fresh = await run("--fresh");
    writeFileSync(join(world.project, "a.txt"), "changed\n");
    const changed = await run();

    assertEquals([second.stdout, fresh.stdout], [first.stdout, first.stdout]);
    assertStringIncludes(first.stderr, "Cache Hits: 0");
    assertStringIncludes(second.stderr, "Cache Hits: 2");
    assertStringIncludes(second.stderr, "Cache Misses: 0");
    assertStringIncludes(fresh.stderr, "Cache Hits: 0");
    // The first answer is a call, which the client ran again: it saw the new file.
    assertStringIncludes(changed.stderr, "Cache Hits: 1");
    assertStringIncludes(changed.stdout, "changed");
  });
});

async function ask(address: Address, content: string) {
  const response = await post(address, asking(content));
  const { content: blocks } = await response.json() as MessageResponse;
  const text = blocks.map((block) => block.type === "text" ? block.text : "").join("");
  return { cache: response.headers.get("x-anyclaude-cache"), text };
}
