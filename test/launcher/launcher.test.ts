import { afterEach, beforeEach, describe, test } from "node:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import {
  launchVariables,
  toLaunchArguments,
  toLaunchEnvironment,
  toPassthroughEnvironment,
} from "../../src/launcher/environment.ts";
import { runClaude } from "../../src/launcher/run-claude.ts";

const setting = { url: "http://127.0.0.1:1", token: "t", model: "m", contextLength: 32_768 };

describe("the environment of claude", () => {
  test("has a reason for every variable", () => {
    for (const { name, reason } of launchVariables) assert(reason.length > 5, name);
    assertEquals(new Set(launchVariables.map(({ name }) => name)).size, launchVariables.length);
  });

  test("points to the proxy whatever the user has set, and takes a real key away", () => {
    const user = {
      ANTHROPIC_API_KEY: "sk-real",
      ANTHROPIC_BASE_URL: "https://x",
      ANTHROPIC_MODEL: "o",
    };

    const env = toLaunchEnvironment(setting, user);

    assertEquals(
      [env["ANTHROPIC_BASE_URL"], env["ANTHROPIC_AUTH_TOKEN"], env["ANTHROPIC_API_KEY"]],
      [setting.url, "t", ""],
    );
    assertEquals([env["ANTHROPIC_MODEL"], env["ANTHROPIC_DEFAULT_HAIKU_MODEL"]], ["m", "m"]);
  });

  test("leaves everything else that the user has set", () => {
    const user = { API_TIMEOUT_MS: "1", CLAUDE_CODE_MAX_CONTEXT_TOKENS: "2", EDITOR: "vi" };

    const env = toLaunchEnvironment(setting, user);

    assertEquals({ ...env, ...user }, { ...env });
  });

  test("says the true window, and asks for less output where it is small", () => {
    const of = (contextLength: number | undefined) => {
      const env = toLaunchEnvironment({ ...setting, contextLength }, {});
      return [env["CLAUDE_CODE_MAX_CONTEXT_TOKENS"], env["CLAUDE_CODE_MAX_OUTPUT_TOKENS"]];
    };

    assertEquals(of(32_768), ["32768", "4096"]);
    assertEquals(of(65_536), ["65536", "16384"]);
    assertEquals(of(200_000), ["200000", undefined]);
    assertEquals(of(undefined), [undefined, undefined]);
  });

  test("has only the address changed in claude mode", () => {
    const user = { ANTHROPIC_API_KEY: "sk-real", X: "y" };

    assertEquals(toPassthroughEnvironment("http://p", user), {
      ...user,
      ANTHROPIC_BASE_URL: "http://p",
    });
  });

  test("asks for permissions unless the user has chosen how", () => {
    assertEquals(toLaunchArguments(["-p", "hi"]), ["--permission-mode", "default", "-p", "hi"]);
    for (const chosen of ["--permission-mode=plan", "--dangerously-skip-permissions"]) {
      assertEquals(toLaunchArguments([chosen]), [chosen]);
    }
  });
});

describe("claude", () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "any claude "))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function script(body: string): string {
    const path = join(folder, "claude");
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  test("is given its arguments and environment, and its exit code is ours", async () => {
    const path = script(`echo "$1|$2|$WORD" > '${folder}/said'; exit 7`);

    const code = await runClaude({ path, args: ["a b", "c"], env: { WORD: "w" } });

    assertEquals(code, 7);
    assertEquals(readFileSync(join(folder, "said"), "utf8"), "a b|c|w\n");
  });

  test("that is killed gives 128 and the signal", async () => {
    assertEquals(await runClaude({ path: script("kill -TERM $$"), args: [], env: {} }), 143);
  });

  test("gets the signal that we get", async () => {
    const path = script(
      `trap 'exit 3' TERM; echo > '${folder}/ready'; while :; do sleep 0.05; done`,
    );
    const env = { PATH: process.env["PATH"] };

    const ended = runClaude({ path, args: [], env });
    while (!isThere(join(folder, "ready"))) {
      await systemClock.sleep(5, new AbortController().signal);
    }
    process.kill(process.pid, "SIGTERM");

    assertEquals(await ended, 3);
  });
});

function isThere(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false; // not yet
  }
}
