import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { findWritten, removeWritten } from "../../src/app/footprint.ts";
import { toPaths } from "../../src/config/paths.ts";

describe("what was written", () => {
  let home = "";
  beforeEach(() => void (home = mkdtempSync(join(tmpdir(), "any home "))));
  afterEach(() => rmSync(home, { recursive: true }));

  const write = (path: string, bytes = 10) => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "x".repeat(bytes));
  };

  for (const platform of ["darwin", "linux"] as const) {
    test(`is found and removed with its folders on ${platform}, and nothing else is`, () => {
      const paths = toPaths({ HOME: home }, platform);
      write(paths.configFile);
      for (const name of ["responses.sqlite-wal", "anyclaude.log.1", "servers/a.json", "model"]) {
        write(join(paths.state, name));
      }
      for (const name of [`python-${"0".repeat(16)}/bin/python`, `server-${"a".repeat(16)}/x`]) {
        write(join(paths.cache, name), 100);
      }
      write(join(paths.prefixes, "m", "1.kv"), 1000);
      const neighbour = join(dirname(paths.cache), "other");
      write(neighbour);

      const written = findWritten(paths);
      removeWritten(paths, written);

      assertEquals(written.reduce((sum, { bytes }) => sum + bytes, 0), 1250);
      const folders = [paths.state, paths.cache, paths.prefixes, dirname(paths.configFile)];
      assertEquals(folders.filter(existsSync), []);
      assertEquals(existsSync(neighbour), true);
    });
  }

  test("leaves what others keep in a folder that ANYCLAUDE_HOME shares", () => {
    const paths = toPaths({ ANYCLAUDE_HOME: home }, "linux");
    write(join(paths.state, "anyclaude.log"));
    const others = [
      join(home, "notes.txt"),
      join(paths.state, "theirs.db"),
      join(paths.cache, "p"),
    ];
    others.forEach((path) => write(path));

    removeWritten(paths, findWritten(paths));

    assertEquals(others.filter(existsSync), others);
    assertEquals(existsSync(join(paths.state, "anyclaude.log")), false);
  });

  test("is also what first runs that were killed have left", () => {
    const paths = toPaths({ HOME: home }, "linux");
    const environment = `python-${"0".repeat(16)}`;
    for (const state of ["downloads", "unfinished-12", "removed-12"]) {
      write(join(paths.cache, `${environment}.${state}`, "x"));
    }
    write(join(paths.cache, "interpreters", "cpython-3.13.9", "bin", "python3.13"));
    write(join(paths.cache, "making.lock"));

    removeWritten(paths, findWritten(paths));

    assertEquals(existsSync(paths.cache), false);
  });

  test("is nothing where nothing was written", () => {
    assertEquals(findWritten(toPaths({ HOME: home }, "linux")), []);
  });
});
