import { describe, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Progress, toDuration, toProgressText } from "../../src/cli/model/progress.ts";

/** Writes down what is printed; time is what the test says. */
function started(totalBytes: number, columns: number | undefined) {
  const printed: string[] = [];
  let now = Date.UTC(2026, 10, 26);
  const progress = new Progress({
    ...{ totalBytes, columns, clock: { now: () => now } },
    write: (text) => void printed.push(text),
  });
  return {
    progress,
    printed,
    after(ms: number, bytes: number) {
      now += ms;
      progress.update(bytes);
    },
  };
}

describe("progress", () => {
  test("is plain lines where there is no terminal, one for each tenth", () => {
    const { printed, after } = started(10e9, undefined);

    after(0, 0);
    for (let second = 1; second <= 100; second += 1) after(1000, second * 1e8);

    assertEquals(printed.length, 11);
    assertEquals(printed.slice(0, 2), [
      "0.0 of 10.0 GB\n",
      "1.0 of 10.0 GB, 100.0 MB/s, 1 min 30 s left\n",
    ]);
    assertEquals(printed.at(-1), "10.0 of 10.0 GB, 100.0 MB/s, 0 s left\n");
  });

  test("is a line a minute at least", () => {
    const { printed, after } = started(10e9, undefined);

    after(0, 0);
    for (let second = 1; second <= 150; second += 1) after(1000, second * 1e5);

    assertEquals(printed.length, 3);
  });

  test("is a bar that is drawn over on a terminal", () => {
    const { printed, after } = started(10e6, 80);

    after(0, 0);
    after(1000, 5e6);
    after(10, 6e6);
    after(10, 10e6);

    assertEquals(printed, [
      `\r\x1b[K${"░".repeat(30)} 0.0 of 10.0 MB`,
      `\r\x1b[K${"█".repeat(15)}${"░".repeat(15)} 5.0 of 10.0 MB, 5.0 MB/s, 1 s left`,
      `\r\x1b[K${"█".repeat(30)} 10.0 of 10.0 MB, 9.8 MB/s, 0 s left`,
    ]);
  });

  test("never fills a line of the terminal", () => {
    fc.assert(fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 1e12 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (columns, totalBytes, part) => {
        const { printed, after } = started(totalBytes, columns);
        after(0, 0);
        after(2000, Math.floor(part * totalBytes));

        for (const text of printed) {
          assert(text.replace("\r\x1b[K", "").length < Math.max(columns, 1));
        }
      },
    ));
  });

  test("makes room for what else is to be said", () => {
    const { progress, printed, after } = started(10e6, 80);
    after(0, 0);

    progress.tell("trying again");

    assertEquals(printed.slice(1), ["\r\x1b[K", "trying again\n"]);
  });

  test("forgets a speed when what arrived turns out to be wrong", () => {
    const { printed, after } = started(10e9, undefined);
    after(0, 0);
    after(1000, 5e9);

    after(1000, 0);
    after(500, 1e9);

    assertEquals(printed.slice(2), ["0.0 of 10.0 GB\n", "1.0 of 10.0 GB\n"]);
  });

  test("stands where nothing comes", () => {
    assertEquals(toProgressText(5e8, 1e9, 0), "0.5 of 1.0 GB, 0.0 MB/s");
  });

  test("says durations as people do", () => {
    const said = [0, 59, 60, 3599, 3600, 7260].map(toDuration);

    assertEquals(said, ["0 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "2 h 1 min"]);
  });
});
