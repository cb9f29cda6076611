import { describe, test } from "node:test";
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { assertEquals } from "@std/assert";
import * as v from "valibot";
import { configSchema, type SettingName, settings } from "../../src/config/schema.ts";

const readme = new URL("../../README.md", import.meta.url);
const [opening, closing] = ["<!-- settings, made by npm run golden -->", "<!-- end -->"];
const marks = new RegExp(`${opening}|${closing}`);

describe("the README", () => {
  test("has every setting as the schema has it", () => {
    const [before = "", between, after = ""] = readFileSync(readme, "utf8").split(marks);
    const expected = `\n\n${table().join("\n")}\n\n`;
    if (process.env["UPDATE_GOLDEN"]) {
      writeFileSync(readme, before + opening + expected + closing + after);
    } else assertEquals(between, expected);
  });
});

function table(): readonly string[] {
  const defaults = v.getDefaults(configSchema);
  const rows = Object.entries(settings).map(([name, { flag, variables, meaning }]) => {
    const named = Object.entries(variables ?? {}).map(([mode, variable]) =>
      mode === "any" ? code(variable) : `${code(variable)} (mode \`${mode}\`)`
    );
    const value: unknown = defaults[name as SettingName];
    return [
      flag ? code(flag) : "",
      named.join(", "),
      code(name),
      value === undefined || value === false ? "" : code(String(value)),
      meaning,
    ];
  });
  return [
    ["option", "variable", "in the config file", "default", "meaning"],
    Array<string>(5).fill("---"),
    ...rows,
    ["`--config`", "", "", "", "another config file"],
    ["", "`ANYCLAUDE_HOME`", "", "", "where everything is kept: settings, state, cache"],
  ].map((cells) => `| ${cells.join(" | ")} |`);
}

function code(text: string): string {
  return `\`${text}\``;
}
