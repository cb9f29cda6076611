import { describe, test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { untilServersEnded } from "./support/processes.ts";
import { createWorld } from "./support/world.ts";

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
    const [one, two, three] = [first, again, other].map(({ stderr }) => figures(stderr));
    assert(one!.created > 10_000, first.stderr);
    assert(two!.created <= 40, again.stderr);
    // Instructions and tools are the same, the question is not.
    assert(three!.created < 1500, other.stderr);
    assertMatch(kept.stdout, /\nprefixes +\d+\.\d MB of MLX models/);
  });
});

function figures(summary: string): { readonly created: number } {
  const [, created = ""] = summary.match(/Cache Creation Tokens: ([\d,]+)/) ?? [];
  return { created: Number(created.replaceAll(",", "")) };
}
