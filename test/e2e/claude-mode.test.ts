import { describe, test } from "node:test";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { fakeAnthropic } from "./support/anthropic.ts";
import { createWorld, root, type World } from "./support/world.ts";

const session = "6f0f4c1e-6a0e-4d0e-9d3b-3b1f3c2a1d10";
const claude = ["-p", "read a.txt", "--allowedTools", "Read", "--session-id", session];
const model = ["--model", "claude-sonnet-4-5-20250929"];

describe("claude mode", () => {
  test("sends Anthropic the bytes of a direct run, and counts what Anthropic counted", async () => {
    using world = createWorld();
    await using upstream = await fakeAnthropic(join(world.project, "a.txt"));
    await using other = await fakeAnthropic(join(world.project, "a.txt"));
    const env = { ANTHROPIC_API_KEY: "sk-ant-test", ANTHROPIC_BASE_URL: upstream.url };

    const direct = await runDirectly(world, env);
    rmSync(join(world.home, ".claude", "projects"), { recursive: true });
    const through = await world.anyclaude(["--mode", "claude", ...model, ...claude], {
      ...env,
      ANTHROPIC_BASE_URL: other.url,
      // The highest level, because a level only observes.
      ANYCLAUDE_DEBUG: "3",
    });

    assertEquals(through.code, 0, through.stderr);
    assertEquals([direct, through.stdout], ["The file is read\n", "The file is read\n"]);
    const sent = [upstream, other].map(({ exchanges }) =>
      exchanges.filter(({ path }) => path.startsWith("/v1/messages?"))
    );
    assertEquals(sent[1]?.map(({ body }) => body), sent[0]?.map(({ body }) => body));
    assertEquals(
      sent[1]?.map(({ headers }) => known(headers)),
      sent[0]?.map(({ headers }) => known(headers)),
    );
    assertEquals(sent[0]?.length, 3);
    // 1: overloaded. 2: 4 + 20,000 written. 3: 6 + 20,000 read + 300 written; 3 $/M.
    for (
      const line of [
        "Total Requests: 3",
        "Cache Hits: 1",
        "Cache Misses: 2",
        "Hit Rate: 33.3%",
        "Failed: 1",
        "Total Input Tokens: 40,310",
        "Tokens from Cache: 20,000",
        "Cache Creation Tokens: 20,300",
        "Output Tokens: 42",
        "Without Cache: $0.1209",
        "With Cache: $0.0822",
        "Savings: $0.0388 (32.1%)",
      ]
    ) assertStringIncludes(through.stderr, `  ${line}\n`);
    const { state } = world;
    const log = readFileSync(join(state, "anyclaude.log"), "utf8");
    assertStringIncludes(log, "[Cache HIT] Read 20000 of 20306 prompt tokens");
    assertStringIncludes(log, "[Cache Stats] Hit Rate: 33.3% (1/3), Cached Items: 0/0");
    const traces = readdirSync(join(state, "traces"))
      .map((name) => readFileSync(join(state, "traces", name), "utf8"));
    assertEquals(traces.some((text) => text.includes("The file is read")), true);
    assertEquals(traces.some((text) => text.includes("sk-ant-test")), false);
  });
});

/** What the client says of itself; the rest belongs to the connection. */
function known(headers: Readonly<Record<string, unknown>>) {
  const own = Object.entries(headers).filter(([name]) =>
    /^(x-|anthropic-|authorization|user-agent|accept|content-type)/.test(name)
  );
  return Object.fromEntries(own.filter(([name]) => !/request-id|retry-count|timeout/.test(name)));
}

function runDirectly(world: World, env: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(join(root, "node_modules", ".bin", "claude"), [...model, ...claude], {
      cwd: world.project,
      env: { ...world.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => said += text);
    child.once("close", () => resolve(said));
  });
}
