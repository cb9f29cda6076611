import { describe, test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { untilServersEnded } from "./support/processes.ts";
import { summed } from "./support/summary.ts";
import { createWorld } from "./support/world.ts";

const computed = "Cache Creation Tokens";

describe("the prefix cache on disk", () => {
  test("saves the second run nearly all of the prompt", async () => {
    using world = createWorld();
    const run = async (question: string) => {
      await untilServersEnded(world);
      const args = ["--model", "tiny", "--fresh", "--allowedTools", "Read", "-p", question];
      return await world.anyclaude(args);
    };

    const first = await run("read a.txt");
    const again = await run("read a.txt");
    const other = await run("read b.txt");
    const kept = await world.anyclaude(["cache"]);

    assertEquals(again.stdout, first.stdout);
    assert(summed(first, computed) > 10_000, first.stderr);
    assert(summed(again, computed) <= 40, again.stderr);
    // Instructions and tools are the same, the question is not.
    assert(summed(other, computed) < 1500, other.stderr);
    assertMatch(kept.stdout, /\nprefixes +\d+\.\d MB of MLX models/);
  });
});
