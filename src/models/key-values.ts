import { fieldOf, type ModelConfig, numberOf, objectOf } from "./model-config.ts";

/** What a layer keeps of a prompt: every token, the newest ones, or a state of fixed size. */
type Kind = "all" | "newest" | "state";

const kinds: Readonly<Record<string, Kind>> = {
  full_attention: "all",
  attention: "all",
  sliding_attention: "newest",
  chunked_attention: "newest",
};

/**
 * Bytes that the keys and values of so many tokens take, as mlx-lm keeps them; undefined when the
 * config does not say enough. States of fixed size are left out: they are small.
 */
export function keyValueBytes(config: ModelConfig, tokens: number): number | undefined {
  const layers = layerKinds(config);
  if (!layers) return undefined;
  const window = windowOf(config) ?? Infinity;
  let bytes = 0;
  for (
    const kind of layers.slice(0, layers.length - (numberOf(config, "num_kv_shared_layers") ?? 0))
  ) {
    const width = kind === "state" ? 0 : tokenBytes(config, kind);
    if (width === undefined) return undefined;
    bytes += width * (kind === "newest" ? Math.min(tokens, window) : tokens);
  }
  return bytes;
}

/** Of one token in one layer. */
function tokenBytes(config: ModelConfig, kind: Kind): number | undefined {
  const latent = numberOf(config, "kv_lora_rank");
  const size = elementBytes(config);
  if (latent !== undefined) return (latent + (numberOf(config, "qk_rope_head_dim") ?? 0)) * size;
  const ofAll = (name: string) => kind === "all" ? numberOf(config, name) : undefined;
  const heads = numberOf(config, "num_attention_heads");
  const keyHeads = ofAll("num_global_key_value_heads") ?? numberOf(config, "num_key_value_heads") ??
    numberOf(config, "num_attention_groups") ?? heads;
  const width = ofAll("global_head_dim") ?? numberOf(config, "head_dim") ??
    (numberOf(config, "hidden_size") ?? NaN) / (heads ?? NaN);
  if (keyHeads === undefined || Number.isNaN(width)) return undefined;
  return 2 * keyHeads * width * size;
}

/** Half precision, unless the model is kept in single. */
function elementBytes(config: ModelConfig): number {
  const names = [
    objectOf(config["anyclaude"])?.["dtype"],
    fieldOf(config, "dtype"),
    fieldOf(config, "torch_dtype"),
  ];
  return names.find((name) => name !== undefined) === "float32" ? 4 : 2;
}

function windowOf(config: ModelConfig): number | undefined {
  return numberOf(config, "sliding_window") ?? numberOf(config, "sliding_window_size") ??
    numberOf(config, "attention_chunk_size");
}

/** By the names that model families use for it; without any of them every layer keeps all. */
function layerKinds(config: ModelConfig): readonly Kind[] | undefined {
  const types = fieldOf(config, "layer_types") ?? fieldOf(config, "layers_block_type");
  if (Array.isArray(types)) return types.map((type) => kinds[String(type)] ?? "state");
  const pattern = fieldOf(config, "hybrid_override_pattern");
  if (typeof pattern === "string" || Array.isArray(pattern)) {
    return [...pattern].map((letter) => letter === "*" ? "all" : "state");
  }
  const count = numberOf(config, "num_hidden_layers") ?? numberOf(config, "num_layers");
  if (count === undefined) return undefined;
  const every = (interval: number, others: Kind) =>
    Array.from({ length: count }, (_, at) => (at + 1) % interval === 0 ? "all" : others);
  const full = numberOf(config, "full_attention_interval");
  if (full !== undefined) return every(full, "state");
  const sliding = numberOf(config, "sliding_window_pattern");
  if (sliding !== undefined) return every(sliding, "newest");
  return every(numberOf(config, "attention_chunk_size") === undefined ? 1 : 4, "newest");
}
