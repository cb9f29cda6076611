import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createWorld, root } from "./support/world.ts";

/** With the permissions that deno.json grants, and with no others: nobody is asked for more. */
describe("deno task start", () => {
  test("runs the real client on the real model, and again on the server that stayed", () => {
    using world = createWorld({ serverWarmSeconds: 30 });
    const ask = () =>
      spawnSync(
        "deno",
        [
          ...["task", "--quiet", "start", "--model", "tiny", "--allowedTools", "Read"],
          ...["-p", "read README.md"],
        ],
        { cwd: root, env: world.env, encoding: "utf8", input: "" },
      );

    const [first, second] = [ask(), ask()];

    assertEquals([first.status, second.status], [0, 0], first.stderr + second.stderr);
    assertStringIncludes(first.stdout, "# anyclaude");
    assertMatch(first.stderr, /Total Requests: 2\n {2}Cache Hits: 0/);
    assertMatch(second.stderr, /Total Requests: 2\n {2}Cache Hits: 2/);
  });

  test("reaches nothing but this machine", () => {
    using world = createWorld();

    const { status, stderr } = spawnSync(
      "deno",
      [
        ...["task", "--quiet", "start", "--mode", "openai", "--model", "m"],
        ...["--base-url", "http://192.0.2.1:9", "-p", "hi"],
      ],
      { cwd: root, env: world.env, encoding: "utf8", input: "" },
    );

    assertEquals(status, 1, stderr);
    assertStringIncludes(stderr, "192.0.2.1:9");
  });
});
