import { describe, test } from "node:test";
import { assertEquals } from "@std/assert";
import { Notices } from "../../src/app/notices.ts";

describe("what the user is told", () => {
  test("is how long a model has been loading, after a while and then seldom", () => {
    const told: string[] = [];
    const notices = new Notices((line) => void told.push(line));

    for (const waitedMs of [0, 2950, 3000, 3050, 17_950, 18_000, 18_050, 33_000]) {
      notices.tellLoading("tiny", waitedMs);
    }

    assertEquals(
      told,
      [3, 18, 33].map((seconds) => `Waiting for the server to load tiny (${seconds} s)`),
    );
  });

  test("is nothing any more once the terminal is Claude Code's", () => {
    const told: string[] = [];
    const notices = new Notices((line) => void told.push(line));

    notices.tell("before");
    notices.stop();
    notices.tell("after");
    notices.tellLoading("tiny", 60_000);

    assertEquals(told, ["before"]);
  });
});
