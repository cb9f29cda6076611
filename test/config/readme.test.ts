import { describe, test } from "node:test";
import * as v from "valibot";
import { configSchema, type SettingName, settings } from "../../src/config/schema.ts";
import { assertReadmeTable } from "../support/readme-table.ts";

describe("the README", () => {
  test("has every setting as the schema has it", () => {
    assertReadmeTable(["<!-- settings, made by npm run golden -->", "<!-- end -->"], table());
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
