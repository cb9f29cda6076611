import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { addressOf } from "./support/messages.ts";
import { createWorld } from "./support/world.ts";

describe("anyclaude uninstall", () => {
  test("leaves nothing, ends a server that only stays warm, and touches nothing in use", async () => {
    using world = createWorld();
    // The usual places below an empty home, whose server stays for ten minutes.
    const usual = { ANYCLAUDE_HOME: "" };
    const serving = world.start(["serve", "--json", "--model", "tiny"], usual);
    await addressOf(serving);

    const refused = await world.anyclaude(["uninstall", "--yes"], usual);
    const unasked = await world.anyclaude(["uninstall"], usual);
    await serving.end();
    const removed = await world.anyclaude(["uninstall", "--yes"], usual);
    const again = await world.anyclaude(["uninstall"], usual);

    assertEquals([refused.code, unasked.code, removed.code, again.code], [1, 1, 0, 0]);
    assertStringIncludes(refused.stderr, "close the terminals in which anyclaude runs");
    assertStringIncludes(unasked.stderr, "--yes removes without asking");
    assertStringIncludes(removed.stdout, "Removed ");
    assertStringIncludes(again.stdout, "Nothing is left on the disk.");
    const left = readdirSync(world.home, { recursive: true, encoding: "utf8" });
    assertEquals(left.filter((path) => path.includes("anyclaude")), []);
  });
});
