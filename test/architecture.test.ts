import { describe, test } from "node:test";
import { readdir, readFile } from "node:fs/promises";
import { assert, assertEquals } from "@std/assert";

/** Folder → the folders it may import. The list reads top to bottom: nothing imports a lower line. */
const mayImport: Record<string, readonly string[]> = {
  core: [],
  protocol: ["core"],
  config: ["core"],
  monitor: ["core"],
  supervisor: ["core"],
  provision: ["core"],
  launcher: ["core"],
  models: ["core"],
  translate: ["core", "protocol"],
  backend: ["core", "protocol", "translate"],
  cache: ["core", "protocol", "translate", "backend"],
  server: ["core", "protocol", "backend", "monitor"],
  runtime: ["core"],
  build: [],
  app: [
    "core",
    "config",
    "monitor",
    "supervisor",
    "provision",
    "launcher",
    "models",
    "backend",
    "cache",
    "server",
    "runtime",
  ],
  doctor: ["core", "protocol", "config", "models", "provision", "launcher", "app"],
  cli: ["core", "config", "monitor", "launcher", "models", "runtime", "app", "doctor"],
};

const root = new URL("../", import.meta.url);
const src = new URL("src/", root).href;
const files = (await readdir(new URL("src/", root), { recursive: true }))
  .map((name) => name.replaceAll("\\", "/"))
  .filter((name) => name.endsWith(".ts"));

describe("source tree", () => {
  for (const file of files.filter((name) => name.includes("/"))) {
    const folder = file.split("/")[0]!;

    test(`src/${file} imports only what ${folder}/ may`, async () => {
      const text = await readFile(new URL(`src/${file}`, root), "utf8");

      const imported = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)]
        .map(([, path = ""]) => new URL(path, new URL(`src/${file}`, root)).href)
        .filter((href) => href.startsWith(src))
        .map((href) => href.slice(src.length).split("/")[0]!)
        .filter((name) => name !== folder);
      assertEquals(imported.filter((name) => !mayImport[folder]?.includes(name)), []);
      if (folder !== "runtime") assert(!/\b(Bun|Deno)\./.test(text), "names a runtime");
    });
  }

  for (const file of files) {
    test(`src/${file} has at most 300 lines`, async () => {
      const text = await readFile(new URL(`src/${file}`, root), "utf8");

      assert(text.split("\n").length <= 301);
    });
  }
});
