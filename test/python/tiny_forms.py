"""
Writes the built-in model as servers of others can run it: `python tiny_forms.py FORM FOLDER TARGET`
makes `TARGET/tiny` or `TARGET/tiny.gguf`.

- `float32`: for servers on mlx-lm. Half precision is slow on a CPU.
- `afmoe`: an architecture that PyTorch servers and older ones know too. It computes the same; only
  the soft cap on logits is missing, which never changes the most likely token.
- `gguf`: that architecture, for servers on llama.cpp. They do not know this vocabulary's way to cut
  a text before merging. Of those that they know, `superbpe` cuts least: a space before `and`,
  `then` or `please` sticks to the word before it, unless that ends with a digit, and digits are
  grouped from the right.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import mlx.core as mx

Weights = dict[str, mx.array]

# Part of a layer: its name in the model, in afmoe, in GGUF.
same = {
    "self_attn.q_proj": ("self_attn.q_proj", "attn_q"),
    "self_attn.k_proj": ("self_attn.k_proj", "attn_k"),
    "self_attn.v_proj": ("self_attn.v_proj", "attn_v"),
    "self_attn.gate_proj": ("self_attn.gate_proj", "attn_gate"),
    "mlp.gate_proj": ("mlp.gate_proj", "ffn_gate"),
    "mlp.up_proj": ("mlp.up_proj", "ffn_up"),
}
last = {
    "self_attn.o_proj": ("self_attn.o_proj", "attn_output"),
    "mlp.down_proj": ("mlp.down_proj", "ffn_down"),
}
norms = {
    "input_layernorm": ("input_layernorm", "attn_norm"),
    "post_attention_layernorm": ("post_attention_layernorm", "post_attention_norm"),
    "pre_feedforward_layernorm": ("pre_mlp_layernorm", "ffn_norm"),
    "post_feedforward_layernorm": ("post_mlp_layernorm", "post_ffw_norm"),
}
normal, control, user_defined = 1, 3, 4


def main() -> None:
    form, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    target.mkdir()
    config = json.loads((source / "config.json").read_text("utf-8"))
    stored = mx.load(str(source / "model.safetensors"))
    weights = {name: weight.astype(mx.float32) for name, weight in stored.items()}
    if form == "gguf":
        return write_gguf(source, str(target / "tiny.gguf"), config, weights)
    folder = target / "tiny"
    shutil.copytree(source, folder)
    if form == "afmoe":
        weights = afmoe_weights(config, weights)
        (folder / "config.json").write_text(json.dumps(afmoe_config(config), indent=1), "utf-8")
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "pt"})


def afmoe_config(config: dict[str, Any]) -> dict[str, Any]:
    kept = """vocab_size hidden_size num_attention_heads num_key_value_heads head_dim
    intermediate_size sliding_window rms_norm_eps max_position_embeddings eos_token_id
    rope_theta""".split()
    layers = config["num_hidden_layers"] + 1
    return {
        **{name: config[name] for name in kept},
        "model_type": "afmoe",
        "architectures": ["AfmoeForCausalLM"],
        "num_hidden_layers": layers,
        "num_dense_layers": layers,
        "layer_types": [*config["layer_types"], "full_attention"],
        "global_attn_every_n_layers": layers,
        "rope_parameters": {"rope_type": "default", "rope_theta": config["rope_theta"]},
        "tie_word_embeddings": False,
        "mup_enabled": False,
        "moe_intermediate_size": 32,
        "num_experts": 1,
        "num_experts_per_tok": 1,
        "num_shared_experts": 0,
        "dtype": "float32",
    }


def afmoe_weights(config: dict[str, Any], weights: Weights) -> Weights:
    """
    mlx-lm's class insists on a layer of full attention: the last one, which adds nothing. The norms
    behind a layer's parts have an epsilon of their own here; scaling what they get does the same.
    """
    count, width = config["num_hidden_layers"], config["head_dim"]
    embedding = weights["model.embed_tokens.weight"]
    scale = (config["rms_norm_eps"] / config["post_norm_eps"]) ** 0.5
    named = {
        "model.embed_tokens": mx.fast.rms_norm(embedding, None, config["rms_norm_eps"]),
        "model.norm": weights["model.norm.weight"],
        "lm_head": embedding * config["output_multiplier"],
    }
    for layer in range(count + 1):
        old, new = f"model.layers.{min(layer, count - 1)}.", f"model.layers.{layer}."
        for name, (theirs, _) in same.items():
            named[new + theirs] = weights[f"{old}{name}.weight"]
        for name, (theirs, _) in last.items():
            named[new + theirs] = weights[f"{old}{name}.weight"] * (scale if layer < count else 0)
        for name, (theirs, _) in norms.items():
            named[new + theirs] = 1 + weights[f"{old}{name}.weight"]
        named[f"{new}self_attn.q_norm"] = mx.full((width,), float(config["qk_scale_factor"]))
        named[f"{new}self_attn.k_norm"] = mx.ones((width,))
    return {f"{name}.weight": mx.contiguous(weight) for name, weight in named.items()}


def write_gguf(source: Path, file: str, config: dict[str, Any], weights: Weights) -> None:
    layers = config["num_hidden_layers"]
    config, weights = afmoe_config(config), afmoe_weights(config, weights)
    # llama.cpp wants no layer of full attention, which would take most of the time. It scales
    # embeddings by this in every model of the architecture.
    weights["model.embed_tokens.weight"] /= config["hidden_size"] ** 0.5
    named = {
        "token_embd": weights["model.embed_tokens.weight"],
        "output_norm": weights["model.norm.weight"],
        "output": weights["lm_head.weight"],
    }
    parts = [
        *[*same.values(), *last.values(), *norms.values()],
        *[("self_attn.q_norm", "attn_q_norm"), ("self_attn.k_norm", "attn_k_norm")],
    ]
    for layer in range(layers):
        for theirs, gguf in parts:
            named[f"blk.{layer}.{gguf}"] = weights[f"model.layers.{layer}.{theirs}.weight"]
    tensors = {f"{name}.weight": weight for name, weight in named.items()}
    mx.save_gguf(file, tensors, {**gguf_shape(config, layers), **gguf_tokenizer(source)})


def gguf_shape(config: dict[str, Any], layers: int) -> dict[str, Any]:
    whole = {
        "context_length": config["max_position_embeddings"],
        "embedding_length": config["hidden_size"],
        "block_count": layers,
        "leading_dense_block_count": layers,
        "feed_forward_length": config["intermediate_size"],
        "expert_feed_forward_length": config["moe_intermediate_size"],
        "expert_count": config["num_experts"],
        "expert_used_count": config["num_experts_per_tok"],
        "expert_shared_count": config["num_shared_experts"],
        "attention.head_count": config["num_attention_heads"],
        "attention.head_count_kv": config["num_key_value_heads"],
        "attention.key_length": config["head_dim"],
        "attention.value_length": config["head_dim"],
        "attention.sliding_window": config["sliding_window"],
        "rope.dimension_count": config["head_dim"],
    }
    real = {
        "attention.layer_norm_rms_epsilon": config["rms_norm_eps"],
        "rope.freq_base": config["rope_theta"],
    }
    return {
        "general.architecture": "afmoe",
        "general.name": "tiny",
        **{f"afmoe.{name}": mx.array(value, mx.uint32) for name, value in whole.items()},
        **{f"afmoe.{name}": mx.array(value, mx.float32) for name, value in real.items()},
    }


def gguf_tokenizer(source: Path) -> dict[str, Any]:
    tokenizer = json.loads((source / "tokenizer.json").read_text("utf-8"))
    config = json.loads((source / "tokenizer_config.json").read_text("utf-8"))
    added = tokenizer["added_tokens"]
    ids = {**tokenizer["model"]["vocab"], **{token["content"]: token["id"] for token in added}}
    kinds = [normal] * len(ids)
    for token in added:
        kinds[token["id"]] = control if token["special"] else user_defined
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "superbpe",
        "tokenizer.ggml.tokens": sorted(ids, key=lambda text: ids[text]),
        "tokenizer.ggml.token_type": mx.array(kinds, mx.int32),
        "tokenizer.ggml.merges": [" ".join(pair) for pair in tokenizer["model"]["merges"]],
        "tokenizer.ggml.eos_token_id": mx.array(ids[config["eos_token"]], mx.uint32),
        "tokenizer.ggml.padding_token_id": mx.array(ids[config["pad_token"]], mx.uint32),
        "tokenizer.ggml.add_bos_token": mx.array(False),
        "tokenizer.chat_template": config["chat_template"],
    }


if __name__ == "__main__":
    main()
