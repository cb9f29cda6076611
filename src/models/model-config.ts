import { readFileSync } from "node:fs";

/** The part of a model's `config.json` that is used. Many have it in `text_config`. */
export type ModelConfig = Readonly<Record<string, unknown>>;

/** Undefined when there is none, or it is not JSON. */
export function readJson(path: string): ModelConfig | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    // An object, by the check: its fields are looked at one by one.
    return typeof value === "object" && value !== null ? value as ModelConfig : undefined;
  } catch {
    return undefined;
  }
}

/** A field of the model or of its language part. */
export function fieldOf(config: ModelConfig, name: string): unknown {
  const inner = config["text_config"];
  const ofText = typeof inner === "object" && inner !== null ? inner as ModelConfig : {};
  return config[name] ?? ofText[name];
}

export function numberOf(config: ModelConfig, name: string): number | undefined {
  const value = fieldOf(config, name);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
