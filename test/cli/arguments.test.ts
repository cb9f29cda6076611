import { describe, test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/core/user-error.ts";
import { distance, splitArguments } from "../../src/cli/argument/arguments.ts";
import { claudeOptions } from "../../src/cli/argument/claude-options.ts";
import { toFlags } from "../../src/cli/argument/server-arguments.ts";

const split = (line: string) => splitArguments(line.split(" "), claudeOptions);

describe("arguments", () => {
  test("are ours wherever they stand before --, and claude's in order otherwise", () => {
    assertEquals(split("-p --mode mlx hi --model=a=b --fresh --verbose -- --mode x"), {
      flags: { mode: "mlx", model: "a=b", fresh: "true" },
      claude: ["-p", "hi", "--verbose", "--mode", "x"],
    });
  });

  for (
    const [wrong, right] of [
      ["--moed", "--mode"],
      ["--modell", "--model"],
      ["--base-ulr", "--base-url"],
      ["--frseh", "--fresh"],
      ["--confg=x", "--config"],
    ]
  ) {
    test(`asks whether ${wrong} was meant to be ${right}`, () => {
      assertThrows(() => split(`${wrong} x`), UserError, `did you mean ${right}?`);
    });
  }

  test("of claude are never taken for mistakes, and after -- nothing is", () => {
    for (const option of claudeOptions) {
      if (option !== "--model") assertEquals(split(option).claude, [option]);
    }
    assertEquals(split("-- --moed").claude, ["--moed"]);
  });

  test("that need a value say so", () => {
    assertThrows(() => split("--model"), UserError, "Cannot use --model: it needs a value");
  });

  test("are compared by single mistakes of typing", () => {
    assertEquals(["mode", "moed", "mod", "moode", "nude"].map((each) => distance("mode", each)), [
      0,
      1,
      1,
      1,
      2,
    ]);
  });

  test("of the server commands become settings", () => {
    assertEquals(toFlags({ "base-url": "u", port: "1", config: "c", fresh: true }), {
      flags: { mode: undefined, model: undefined, baseUrl: "u", port: "1", fresh: "true" },
      file: "c",
    });
  });
});
