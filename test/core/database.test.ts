import { describe, test } from "node:test";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { assertEquals, assertThrows } from "@std/assert";
import { Database } from "../../src/core/database.ts";
import { type Log, silentLog } from "../../src/core/log.ts";

const holder = new URL("../support/hold-database.ts", import.meta.url);

describe("Database", () => {
  test("is readable by its owner alone", (t) => {
    const { path, open } = place(t);
    using _ = open();

    assertEquals(statSync(path).mode & 0o777, 0o600);
  });

  test("sets damage aside that shows itself only when its page is read, and goes on", (t) => {
    const { path, open, warnings } = place(t);
    {
      using database = open();
      for (let row = 0; row < 200; row += 1) database.use(({ add }) => add.run("x".repeat(400)));
    }
    overwrite(path, 8192);

    using database = open();
    assertEquals(warnings, []);
    const kept = database.use(({ all }) => all.all());
    database.use(({ add }) => add.run("new"));

    assertEquals(kept, []);
    assertEquals(warnings, ["notes was damaged and starts anew"]);
    assertEquals(existsSync(`${path}.damaged`), true);
    assertEquals(database.use(({ all }) => all.all()).length, 1);
  });

  test("does not set aside what another one has already replaced", (t) => {
    const { path, open, warnings } = place(t);
    {
      using database = open();
      for (let row = 0; row < 200; row += 1) database.use(({ add }) => add.run("x".repeat(400)));
    }
    overwrite(path, 8192);
    using first = open();
    using second = open();
    first.use(({ all }) => all.all());
    first.use(({ add }) => add.run("new"));

    const seen = second.use(({ all }) => all.all());

    assertEquals(seen.length, 1);
    assertEquals(warnings.length, 1);
  });

  test("waits for another one that makes the same new file", async (t) => {
    const { path, open } = place(t);
    const other = new Worker(holder, { workerData: path });
    const ended = once(other, "exit");
    await once(other, "message");

    using database = open();

    assertEquals(database.use(({ all }) => all.all()).length, 0);
    await ended;
  });

  test("passes every other failure on", (t) => {
    using database = place(t).open();

    assertThrows(() => database.use((_, opened) => opened.exec("SELECT * FROM nothing")));
  });
});

function place(t: { after(run: () => void): void }) {
  const folder = mkdtempSync(join(tmpdir(), "any database "));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "notes.sqlite");
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (message) => void warnings.push(message) };
  const migrate = (database: DatabaseSync) =>
    database.exec("CREATE TABLE IF NOT EXISTS note (words TEXT)");
  const prepare = (database: DatabaseSync) => ({
    add: database.prepare("INSERT INTO note VALUES (?)"),
    all: database.prepare("SELECT words FROM note"),
  });
  const open = () => new Database({ path, migrate, prepare, name: "notes", log });
  return { path, open, warnings };
}

function overwrite(path: string, from: number): void {
  const file = openSync(path, "r+");
  const bytes = statSync(path).size - from;
  writeSync(file, new Uint8Array(bytes).fill(0xff), 0, bytes, from);
  closeSync(file);
}
