import { afterEach, beforeEach, describe, test } from "node:test";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { bundledPackages } from "../../src/build/bundled.ts";
import { makeHostile } from "../../src/build/hostile-folder.ts";
import { readLock } from "../../src/build/lock-file.ts";
import { toSbom } from "../../src/build/sbom.ts";
import { stagePython } from "../../src/build/stage.ts";
import { readFromTar, writeTar } from "../../src/build/tar.ts";

const root = join(import.meta.dirname ?? ".", "..", "..");

describe("what is in a release", () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "any claude "))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A bundle of these files; the last number says how much of each was kept. */
  const bundle = (...files: readonly (readonly [string, number])[]) => ({
    outputs: {
      "./main": {
        inputs: Object.fromEntries(
          files.map(([file, bytesInOutput]) => [file, { bytesInOutput }]),
        ),
      },
    },
  });

  test("has each package once, with its licence, and none of which nothing was kept", () => {
    const metafile = bundle(
      ["src/main.ts", 9],
      ["node_modules/hono/dist/index.js", 9],
      ["node_modules/hono/dist/hono.js", 9],
      ["node_modules/lru-cache/index.js", 0],
    );

    const bundled = bundledPackages(metafile, root, readLock(root));

    assertEquals(bundled.map(({ name, license }) => [name, license]), [["hono", "MIT"]]);
    assert(bundled[0]?.licenseText.includes("Yusuke Wada"), bundled[0]?.licenseText);
  });

  test("is refused with a package that nobody has looked into", () => {
    const metafile = bundle(["node_modules/fast-check/lib/index.js", 9]);

    assertThrows(
      () => bundledPackages(metafile, root, readLock(root)),
      Error,
      "Cannot say what fast-check@",
    );
  });

  test("is listed: what is in the binary, and what is fetched later and when", () => {
    const lock =
      "a==1 \\\n    --hash=sha256:0\nb-c==2 ; sys_platform == 'linux' \\\n    --hash=x\n";
    const locked = readLock(root);
    const bundled = bundledPackages(bundle(["node_modules/citty/x.js", 1]), root, locked);

    const { components } = JSON.parse(toSbom({
      ...{ version: "1.2.3", commit: "abc", bundled, pythonLocks: [lock] },
      runtimes: [locked("@oven/bun-linux-x64")],
    })) as {
      components: { purl?: string; scope: string; properties: object; components?: object[] }[];
    };

    assertEquals(components.map(({ purl, scope }) => [purl, scope]), [
      [`pkg:npm/%40oven/bun-linux-x64@${locked("bun").version}`, "required"],
      [`pkg:npm/citty@${locked("citty").version}`, "required"],
      [undefined, "required"],
      ["pkg:pypi/a@1", "optional"],
      ["pkg:pypi/b-c@2", "optional"],
    ]);
    assertEquals(components[1]?.components?.length, 1); // scule
    assertEquals(components.at(-1)?.properties, [
      { name: "anyclaude:delivery", value: "fetched at the first run" },
      { name: "anyclaude:when", value: "sys_platform == 'linux'" },
    ]);
  });

  test("has of python/ what a user needs", () => {
    const target = join(folder, "python");

    stagePython(join(root, "python"), target);

    const files = readdirSync(target, { recursive: true, encoding: "utf8" })
      .filter((file) => !statSync(join(target, file)).isDirectory());
    assert(files.includes("anyclaude_mlx/__main__.py"));
    assert(files.includes("anyclaude_mlx/hub/__main__.py"));
    assertEquals(files.filter((file) => !file.startsWith("anyclaude_")).toSorted(), [
      "installer.lock",
      "models/tiny/config.json",
      "models/tiny/manifest.json",
      "models/tiny/model.safetensors",
      "models/tiny/tokenizer.json",
      "models/tiny/tokenizer_config.json",
      "requirements.lock",
    ]);
    assertEquals(files.filter((file) => /pyc|test|README/.test(file)), []);
  });

  test("is in an archive that tar reads, and that is the same each time", () => {
    const entries = [
      { name: "program", body: Buffer.from("#!/bin/sh\necho hi\n"), isProgram: true },
      { name: "text", body: Buffer.alloc(1024, "x"), isProgram: false },
      { name: "last", body: Buffer.from("end"), isProgram: false },
    ];

    const tar = writeTar(entries);
    writeFileSync(join(folder, "a.tar"), tar);
    spawnSync("tar", ["xf", "a.tar"], { cwd: folder });

    assertEquals(spawnSync(join(folder, "program"), { encoding: "utf8" }).stdout, "hi\n");
    assertEquals(["text", "last"].map((name) => statSync(join(folder, name)).size), [1024, 3]);
    assertEquals(statSync(join(folder, "text")).mode & 0o111, 0);
    assertEquals(writeTar(entries), tar);
    assertEquals(Buffer.from(readFromTar(tar, "text") ?? []).toString(), "x".repeat(1024));
    assertEquals(readFromTar(tar, "other"), undefined);
  });

  test("cannot use a hostile folder without being noticed", () => {
    const hostile = join(folder, "hostile");
    mkdirSync(hostile);
    const { faults } = makeHostile(hostile);

    const before = faults();
    spawnSync("sh", ["-c", "cat .env; ./claude"], { cwd: hostile });

    assertEquals(before, []);
    assertEquals(faults(), [".env was read", "claude was read", "obeyed: program"]);
  });
});
