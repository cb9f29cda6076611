import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Finding } from "../../src/doctor/finding.ts";
import { createWorld } from "./support/world.ts";

describe("anyclaude doctor", () => {
  test("finds everything in order, and makes the tiny model answer", async () => {
    using world = createWorld();

    const ran = await world.anyclaude(["doctor", "--json"]);

    const { isSound, findings } = JSON.parse(ran.stdout) as {
      isSound: boolean;
      findings: readonly Finding[];
    };
    assertEquals([ran.code, isSound], [0, true], ran.stdout);
    const generation = findings.find(({ subject }) => subject === "Generation");
    assertMatch(generation?.says ?? "", /took \d+\.\d s \(\d+ tokens read, [1-9]\d* written\)/);
  });

  test("says what is wrong with a line and what mends it", async () => {
    using world = createWorld();
    const file = join(world.project, "mine.json");
    writeFileSync(file, `{"mode": "mxl"}`);

    const settings = await world.anyclaude(["doctor", "--config", file]);
    const server = await world.anyclaude([
      ...["doctor", "--mode", "openai", "--base-url", "http://me:secret@127.0.0.1:9"],
    ]);

    assertEquals([settings.code, server.code], [1, 1]);
    assertStringIncludes(settings.stdout, "✘ Settings");
    assertStringIncludes(settings.stdout, "expected one of mlx, openai, claude");
    assertStringIncludes(server.stdout, "✘ Model server");
    assertEquals(`${server.stdout}${server.stderr}`.includes("secret"), false);
  });
});
