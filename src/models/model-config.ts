import { readFileSync } from "node:fs";
import { isRecord } from "../core/is-record.ts";

/** The part of a model's `config.json` that is used. Many have it in `text_config`. */
export type ModelConfig = Readonly<Record<string, unknown>>;

/** Undefined when there is none, or it is not JSON. */
export function readJson(path: string): ModelConfig | undefined {
  try {
    return objectOf(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}

/** The value, if it has fields to look at. */
export function objectOf(value: unknown): ModelConfig | undefined {
  return isRecord(value) ? value : undefined;
}

/** A field of the model or of its language part. */
export function fieldOf(config: ModelConfig, name: string): unknown {
  return config[name] ?? objectOf(config["text_config"])?.[name];
}

export function numberOf(config: ModelConfig, name: string): number | undefined {
  const value = fieldOf(config, name);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}
