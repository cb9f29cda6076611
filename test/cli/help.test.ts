import { describe, test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { commands } from "../../src/cli/commands.ts";
import { commandHelp, helpText, settingsHelp } from "../../src/cli/help.ts";
import { settings } from "../../src/config/schema.ts";

const loaded = Object.fromEntries(
  await Promise.all(
    Object.entries(commands).map(async ([name, load]) => [name, await load()] as const),
  ),
);
const texts: readonly [string, string][] = [
  ["", helpText(loaded)],
  ...Object.entries(loaded).map(([name, command]): [string, string] => [
    name,
    commandHelp(name, command),
  ]),
];

describe("help", () => {
  for (const [name, text] of texts) {
    test(`for anyclaude ${name} fits a screen and says what everything is`, () => {
      const lines = text.trimEnd().split("\n");

      assert(lines.length <= 30, String(lines.length));
      assertEquals(lines.filter((line) => line.length > 80), []);
      assertEquals(lines.filter((line) => /^ {2}\S+ *$/.test(line) && !/anyclaude/.test(line)), []);
    });
  }

  test("names every option and every command", () => {
    const [, text = ""] = texts[0] ?? [];

    for (const name of Object.keys(commands)) assertStringIncludes(text, `\n  ${name} `);
    for (const { flag } of Object.values(settings)) {
      if (flag && flag !== "--port") assertStringIncludes(text, `\n  ${flag}`);
    }
  });

  test("names every setting under all its names", () => {
    const text = settingsHelp("/config.json");

    for (const [name, { flag = "", variables = {} }] of Object.entries(settings)) {
      for (const each of [name, flag, ...Object.values(variables)]) {
        assertStringIncludes(text, each);
      }
    }
  });
});
