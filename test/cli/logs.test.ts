import { describe, test } from "node:test";
import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertEquals, assertMatch } from "@std/assert";
import { createLogFile, previousLogPath } from "../../src/cli/log-file.ts";
import { Tail } from "../../src/cli/command/logs.ts";

describe("the log file", () => {
  const typesAt = (t: Test, debug: number) => {
    const path = place(t);
    const log = createLogFile(path, debug);
    log.warn("careful", { error: new Error("x") });
    log.info("[Cache Miss]");
    log.debug("[Request]", { promptTokens: 3 });
    return readFileSync(path, "utf8").trimEnd().split("\n").map((line) => line.split(" ")[1]);
  };

  for (
    const [debug, types] of [
      [0, ["warn"]],
      [1, ["warn", "info"]],
      [2, ["warn", "info", "debug"]],
      [3, ["warn", "info", "debug"]],
    ] as const
  ) {
    test(`has at level ${debug}: ${types.join(", ")}`, (t) => {
      assertEquals(typesAt(t, debug), [...types]);
    });
  }

  test("is for its owner's eyes, one line for each message", (t) => {
    const path = place(t);
    createLogFile(path, 2).debug("[Request]", { promptTokens: 3, missReason: undefined });

    assertEquals(statSync(path).mode & 0o777, 0o600);
    assertMatch(readFileSync(path, "utf8"), /^\S+Z debug \[Request\] \{"promptTokens":3\}\n$/);
  });

  test("is put aside when it has grown too large, for everyone who writes to it", (t) => {
    const path = place(t);
    const [one, other] = [createLogFile(path, 1), createLogFile(path, 1)];
    appendFileSync(path, "x".repeat(10 * 1024 * 1024 + 1));

    one.info("first");
    other.info("second");

    assertEquals(statSync(previousLogPath(path)).size, 10 * 1024 * 1024 + 1);
    assertMatch(readFileSync(path, "utf8"), /^\S+ info first\n\S+ info second\n$/);
  });
});

describe("Tail", () => {
  test("gives whole lines, each once, as they come", (t) => {
    const path = place(t);
    using tail = new Tail(path);

    const before = tail.more();
    writeFileSync(path, "one\ntw");
    const first = tail.more();
    appendFileSync(path, "ö\n");
    const second = tail.more();

    assertEquals([before, first, second, tail.more()], [[], ["one"], ["twö"], []]);
  });

  test("reads a file that is put aside to its end, then the new one", (t) => {
    const path = place(t);
    using tail = new Tail(path);
    writeFileSync(path, "one\n");
    tail.more();

    appendFileSync(path, "two\n");
    renameSync(path, `${path}.1`);
    writeFileSync(path, "three\n");

    assertEquals(tail.more(), ["two", "three"]);
  });
});

type Test = { after(run: () => void): void };

function place(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), "any log "));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, "anyclaude.log");
}
