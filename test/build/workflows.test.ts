import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { targets } from "../../src/build/targets.ts";
import { commands } from "../../src/cli/commands.ts";

const root = join(import.meta.dirname ?? ".", "..", "..");
const folder = join(root, ".github", "workflows");
const workflows = readdirSync(folder).map((name): [string, string] => [
  name,
  readFileSync(join(folder, name), "utf8"),
]);
const release = workflows.find(([name]) => name === "release.yml")?.[1] ?? "";

describe("workflows", () => {
  for (const [name, text] of workflows) {
    test(`${name} runs foreign steps by hash and may only read unless it says so`, () => {
      const used = [...text.matchAll(/uses: (\S+)/g)].map(([, step]) => step ?? "");

      assert(used.length > 0);
      assertEquals(used.filter((step) => !/^[\w-]+\/[\w-]+@[0-9a-f]{40}$/.test(step)), []);
      assertStringIncludes(text, "\npermissions:\n  contents: read\n");
      const jobs = text.match(/^ {4}runs-on: /gm)?.length;
      assertEquals(text.match(/^ {4}timeout-minutes: /gm)?.length, jobs);
    });
  }

  test("uses each foreign step in one version", () => {
    const used = workflows.flatMap(([, text]) => [...text.matchAll(/uses: (\S+)/g)])
      .map(([, step = ""]) => step);
    const versions = Object.groupBy(new Set(used), (step) => step.split("@")[0] ?? "");

    assertEquals(Object.values(versions).filter((each) => each?.length !== 1), []);
  });

  test("runs what is released only after it was built, tested and tried", () => {
    assertStringIncludes(release, "needs: [build, test, run]");
    assertStringIncludes(release, "codesign --verify --strict");
    const tried = [...release.matchAll(/target: (\S+)/g)].map(([, name]) => name);
    // The tests themselves run on the remaining one.
    assertEquals([...tried, "linux-x64"].toSorted(), targets.map(({ name }) => name).toSorted());
  });

  test("calls only commands that exist", () => {
    const called = [...release.matchAll(/bin\/anyclaude"? ([a-z]+)/g)].map(([, name = ""]) => name);

    assert(called.length >= 3);
    assertEquals(called.filter((name) => !Object.hasOwn(commands, name)), []);
  });
});
