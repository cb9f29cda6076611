import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { addressOf } from "./support/messages.ts";
import { createWorld } from "./support/world.ts";

describe("anyclaude env", () => {
  test("lets a Claude Code that was started by hand use a running serve", async () => {
    using world = createWorld();
    const without = await world.anyclaude(["env"]);
    const serving = world.start(["serve", "--json", "--model", "tiny"]);
    const { url, token } = await addressOf(serving);

    const { stdout: script } = await world.anyclaude(["env"]);
    const { stdout: json } = await world.anyclaude(["env", "--json"]);
    const claude = spawnSync(
      "sh",
      ["-c", `${script}\nclaude -p "read a.txt" --allowedTools Read`],
      { cwd: world.project, env: world.env, encoding: "utf8", input: "" },
    );
    const { stderr } = await serving.end();

    assertEquals(without.code, 1);
    assertStringIncludes(without.stderr, "start one in another terminal with anyclaude serve");
    const variables = JSON.parse(json) as Record<string, string>;
    assertEquals([variables["ANTHROPIC_BASE_URL"], variables["ANTHROPIC_AUTH_TOKEN"]], [
      url,
      token,
    ]);
    assertStringIncludes(claude.stdout, "hello from a");
    assertStringIncludes(stderr, "Total Requests: 2");
    assertEquals((await world.anyclaude(["env"])).code, 1);
  });
});
