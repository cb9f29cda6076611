import { afterEach, beforeEach, describe, test } from "node:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, relative } from "node:path";
import process from "node:process";
import { assertEquals, assertThrows } from "@std/assert";
import { findProgram, programsNamed } from "../../src/core/find-program.ts";
import { UserError } from "../../src/core/user-error.ts";
import { findClaude } from "../../src/launcher/find-claude.ts";
import { allWays, waysToInstall } from "../../src/launcher/install-claude.ts";

const skip = findProgram("claude", { PATH: "" }) ? "this machine has one for everybody" : false;

describe("Claude Code", () => {
  let home: string;
  beforeEach(() => void (home = mkdtempSync(join(tmpdir(), "any claude "))));
  afterEach(() => rmSync(home, { recursive: true }));

  function program(...path: readonly string[]): string {
    const file = join(home, ...path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "#!/bin/sh\n");
    chmodSync(file, 0o755);
    return file;
  }

  const find = (environment: Readonly<Record<string, string>>, configured?: string) =>
    findClaude({ configured, environment: { HOME: home, ...environment } });

  test("is taken where the config says, and from nowhere else then", () => {
    const configured = program("own", "claude");
    const PATH = dirname(program("bin", "claude"));

    assertEquals(find({ PATH }, configured), configured);
    assertThrows(() => find({ PATH }, join(home, "no")), UserError, "there is no such program");
  });

  test("is taken from the PATH, in its order, before any other place", () => {
    program(".local", "bin", "claude");
    const [first, second] = [program("a", "claude"), program("b", "claude")];

    const PATH = [home, dirname(first), dirname(second)].join(delimiter);

    assertEquals(find({ PATH }), first);
  });

  test("is never taken from the folder we are started in", () => {
    const claude = program("claude");
    const here = relative(process.cwd(), home);

    assertEquals(programsNamed("claude", { PATH: `${here}${delimiter}${delimiter}.` }), []);
    assertEquals(programsNamed("claude", { PATH: home }), [claude]);
  });

  test("has to be a program", () => {
    mkdirSync(join(home, "a", "claude"), { recursive: true });
    chmodSync(program("b", "claude"), 0o644);
    const claude = program("c", "claude");

    const PATH = ["a", "b", "c"].map((name) => join(home, name)).join(delimiter);

    assertEquals(find({ PATH }), claude);
  });

  for (
    const [what, path, environment] of [
      ["its own installer", [".local", "bin"], {}],
      ["an older installer, which left only an alias", [".claude", "local"], {}],
      ["npm with a prefix of the environment", ["g", "bin"], { npm_config_prefix: "g" }],
      ["npm with the same, in capitals", ["g", "bin"], { NPM_CONFIG_PREFIX: "g" }],
      ["Bun", [".bun", "bin"], {}],
    ] as const
  ) {
    test(`is found where it was put by ${what}`, { skip }, () => {
      const claude = program(...path, "claude");
      const variables = Object.entries(environment).map(([name, value]) => [
        name,
        join(home, value),
      ]);

      assertEquals(find({ PATH: "", ...Object.fromEntries(variables) }), claude);
    });
  }

  test("is found where .npmrc has npm put it", { skip }, () => {
    const claude = program("packages", "bin", "claude");
    const none = find({ PATH: "" });
    writeFileSync(join(home, ".npmrc"), "color = true\nprefix = ~/packages\n");

    assertEquals([none, find({ PATH: "" })], [undefined, claude]);
  });

  test("can be had in the official ways for which there is what they need", () => {
    const bin = join(home, "bin");
    const possible = () =>
      waysToInstall({ PATH: bin })
        .filter(({ program }) => program.startsWith(home))
        .map(({ shown }) => shown);
    const [script, , npm] = allWays;

    program("bin", "npm");
    program("bin", "bash");
    const before = possible();
    program("bin", "curl");

    assertEquals([before, possible()], [[npm], [script, npm]]);
  });
});
