import { spawnSync } from "node:child_process";
import { describe, test } from "node:test";
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { toFormula } from "../../src/build/formula.ts";
import { targets } from "../../src/build/targets.ts";

const sumOf = (index: number) => String(index).repeat(64);
const sums = targets.map(({ name }, index) => `${sumOf(index)}  anyclaude-${name}.tar.gz\n`).join(
  "",
);
const formula = toFormula({ version: "1.2.3", repository: "owner/anyclaude", sums });
const hasRuby = spawnSync("ruby", ["--version"]).status === 0;

describe("the formula", () => {
  test("gives each machine its own archive with its own sum", () => {
    const places: readonly (readonly string[])[] = [
      ["on_macos", "on_arm", "darwin-arm64"],
      ["on_linux", "on_intel", "linux-x64"],
      ["on_linux", "on_arm", "linux-arm64"],
    ];
    for (const [index, [system = "", machine = "", target = ""]] of places.entries()) {
      const block = formula.slice(formula.indexOf(`  ${system} do`));
      const inner = block.slice(block.indexOf(`    ${machine} do`));

      const [, url, sum] = /url "(.*)"\n\s+sha256 "(.*)"/.exec(inner) ?? [];
      assertEquals(
        [url, sum],
        [
          `https://github.com/owner/anyclaude/releases/download/v1.2.3/anyclaude-${target}.tar.gz`,
          sumOf(index),
        ],
      );
    }
  });

  test("closes every block", () => {
    const code = formula.split("\n").map((line) => line.replace(/".*?"|#.*/g, ""));
    const opened = code.filter((line) => /^\s*(class|def) |\bdo$/.test(line)).length;

    assertEquals(code.filter((line) => line.trim() === "end").length, opened);
  });

  test("is Ruby", { skip: hasRuby ? false : "ruby is not installed" }, () => {
    const { status, stdout, stderr } = spawnSync("ruby", ["-c"], {
      input: formula,
      encoding: "utf8",
    });

    assertEquals([status, stdout.trim()], [0, "Syntax OK"], stderr);
  });

  test("brings uv, installs the program with its completion, and tests it", () => {
    for (
      const line of [
        'depends_on "uv"',
        'bin.install "anyclaude"',
        'generate_completions_from_executable(bin/"anyclaude", "completion")',
        "assert_match version.to_s",
      ]
    ) assertStringIncludes(formula, line);
  });

  test("is not made when a sum is missing", () => {
    const fewer = sums.split("\n").slice(1).join("\n");

    assertThrows(
      () => toFormula({ version: "1.2.3", repository: "o/a", sums: fewer }),
      Error,
      "no sum of anyclaude-darwin-arm64.tar.gz",
    );
  });
});
