import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { takesTools } from "./chat-template.ts";
import { keyValueBytes } from "./key-values.ts";
import { fieldOf, type ModelConfig, numberOf, objectOf, readJson } from "./model-config.ts";

/** What can be read of a model without loading it. */
export interface ModelFacts {
  readonly weightBytes: number;
  /** Tokens of prompt and answer together. */
  readonly contextLength: number;
  /** Whether its chat template takes tools; without one it cannot converse. */
  readonly tools: boolean | undefined;
  /** Undefined when its config does not say enough. */
  readonly keyValueBytes: (tokens: number) => number | undefined;
}

const weights = /^model.*\.safetensors$/;

/** Undefined when the folder holds no model that mlx-lm could load, or not all of one. */
export function readModelFolder(folder: string): ModelFacts | undefined {
  const config = readJson(join(folder, "config.json"));
  if (typeof config?.["model_type"] !== "string" || !isComplete(folder)) return undefined;
  return {
    weightBytes: sizeOfFiles(folder, weights),
    contextLength: contextLengthOf(config, folder),
    tools: takesTools(folder),
    keyValueBytes: (tokens) => keyValueBytes(config, tokens),
  };
}

/** Links are followed: in the Hugging Face cache the files lie elsewhere. */
export function sizeOfFiles(folder: string, named: RegExp): number {
  const sizes = readdirSync(folder).filter((name) => named.test(name)).map((name) =>
    statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** By its weights: all else is small, and comes first. */
function isComplete(folder: string): boolean {
  const isHere = (name: string) => existsSync(join(folder, name));
  const index = objectOf(readJson(join(folder, "model.safetensors.index.json"))?.["weight_map"]);
  if (index) {
    return new Set(Object.values(index).map(String)).values().every(isHere);
  }
  return readdirSync(folder).some((name) => weights.test(name) && isHere(name));
}

/** As the server finds it. */
function contextLengthOf(config: ModelConfig, folder: string): number {
  const length = numberOf(config, "max_position_embeddings");
  if (length !== undefined) return length;
  const tokenizer = readJson(join(folder, "tokenizer_config.json")) ?? {};
  const own = Number(fieldOf(tokenizer, "model_max_length"));
  return own > 0 && own < 100_000_000 ? own : 32768;
}
