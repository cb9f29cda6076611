import * as v from "valibot";
import { UserError } from "../core/user-error.ts";
import { type Config, configSchema, type SettingName } from "./schema.ts";

/** Values as the user gave them, and what the user calls each of them. */
export interface Layer {
  readonly values: Readonly<Record<string, unknown>>;
  readonly nameOf: (setting: string) => string;
}

/** Later layers win: file, then environment, then flags. Pure: the caller has read them. */
export function resolveConfig(...layers: readonly Layer[]): Config {
  const merged: Record<string, unknown> = {};
  const names = new Map<string, string>();
  for (const { values, nameOf } of layers) {
    for (const [setting, value] of Object.entries(values)) {
      if (value === undefined) continue;
      merged[setting] = value;
      names.set(setting, nameOf(setting));
    }
  }
  const result = v.safeParse(configSchema, merged);
  if (result.success) return result.output;
  throw new UserError(
    ["Cannot use these settings:", ...result.issues.map((issue) => describe(issue, names, merged))]
      .join("\n  "),
    { exitCode: 2 },
  );
}

function describe(
  issue: v.BaseIssue<unknown>,
  names: ReadonlyMap<string, string>,
  values: Readonly<Record<string, unknown>>,
): string {
  const setting = String(issue.path?.[0]?.key);
  const name = names.get(setting) ?? setting;
  if (!(setting in configSchema.entries)) {
    return `${name}: there is no such setting; there are ${
      Object.keys(configSchema.entries).join(", ")
    }`;
  }
  // A key is never repeated, not even a wrong one, nor what an address has in front of its host.
  const value = setting === ("apiKey" satisfies SettingName)
    ? "the value"
    : JSON.stringify(values[setting])?.replace(/\/\/[^/]*@/, "//…@");
  return `${name}: ${issue.message}, got ${value}`;
}
