import { afterEach, beforeEach, describe, test } from "node:test";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertEquals } from "@std/assert";
import { withProgress } from "../../src/provision/progress.ts";
import { sizeOf } from "../../src/provision/size.ts";
import { FakeClock } from "../support/fake-clock.ts";

describe("the progress of an installation", () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "any claude "))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function fill(name: string, bytes: number): string {
    const path = join(folder, name);
    writeFileSync(path, new Uint8Array(bytes));
    return path;
  }

  test("counts a file with two names once, and what a link leads to not at all", () => {
    mkdirSync(join(folder, "cache"));
    mkdirSync(join(folder, "environment"));
    const wheel = fill("cache/wheel", 3000);
    linkSync(wheel, join(folder, "environment", "module"));
    symlinkSync(wheel, join(folder, "environment", "link"));
    fill("environment/own", 50);

    const folders = ["cache", "environment", "missing"].map((name) => join(folder, name));

    assertEquals(sizeOf(folders), 3050);
  });

  test("is told every ten seconds, in megabytes that are on the disk, until the end", async () => {
    const clock = new FakeClock();
    const told: string[] = [];
    const tell = (line: string) => void told.push(line);

    await withProgress({ tell, clock, folders: [folder] }, async (onLine) => {
      onLine("Downloading mlx-cpu (10.0MiB)");
      onLine("  Downloading https://x/numpy-2-cp311.whl (16.6 MB)");
      onLine("Downloaded numpy");
      fill("a", 4_000_000);
      await clock.advance(10_000);
      fill("b", 3_000_000);
      await clock.advance(10_000);
    });

    assertEquals(told, [
      "  downloading mlx-cpu (10.0MiB)",
      "  downloading numpy-2-cp311.whl (16.6 MB)",
      "  4 MB after 10 s",
      "  7 MB after 20 s",
    ]);
    assertEquals(clock.sleepers, 0);
  });
});
