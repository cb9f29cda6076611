import { describe, test } from "node:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { assertEquals } from "@std/assert";
import { isInUse } from "../../src/app/models-in-use.ts";
import { writeEntry } from "../../src/supervisor/registry.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const ready = (id: string, pid = process.pid) => ({
  ...{ status: "ready", pid, model: { id, context_length: 1, fingerprint: "f" } },
});

describe("a model", () => {
  const cases: readonly { what: string; health: object; pid?: number; expected: boolean }[] = [
    { what: "of a server that runs is in use", health: ready("a/b"), expected: true },
    { what: "is not, when the server has another one", health: ready("a/c"), expected: false },
    {
      what: "may be that of a server that is starting",
      health: { status: "loading", pid: process.pid },
      expected: true,
    },
    {
      what: "is not, when the server has none",
      health: { status: "failed", pid: process.pid, error: { message: "no" } },
      expected: false,
    },
    { what: "is not, when another process answers", health: ready("a/b", 1), expected: false },
    {
      what: "is not, when the server is dead",
      health: ready("a/b"),
      pid: 2 ** 30,
      expected: false,
    },
  ];
  for (const { what, health, pid = process.pid, expected } of cases) {
    test(what, async () => {
      using state = temporaryFolder();
      mkdirSync(join(state.path, "servers"));
      writeEntry(join(state.path, "servers"), {
        ...{ identity: "i", url: "http://127.0.0.1:1", token: "t", pid },
      });
      const fetch = () => Promise.resolve(Response.json(health));

      assertEquals(await isInUse("a/b", state.path, fetch), expected);
    });
  }

  test("is not in use where no server was ever registered", async () => {
    using state = temporaryFolder();

    assertEquals(await isInUse("a/b", state.path), false);
  });
});
