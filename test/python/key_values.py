"""
What mlx-lm's caches hold of a prompt, measured, for models of many families that are made here:
the figures that `src/models/key-values.ts` has to find from `config.json` alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import ArraysCache, CacheList, make_prompt_cache
from mlx_lm.utils import _get_classes

fixture = Path(__file__).parents[1] / "fixtures" / "key-values.json"
tokens = 600
attention = {
    "hidden_size": 64,
    "num_hidden_layers": 4,
    "intermediate_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "vocab_size": 64,
    "max_position_embeddings": 4096,
    "rms_norm_eps": 1e-6,
    "rope_theta": 1e4,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
}
latent = {
    **attention,
    "moe_intermediate_size": 32,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "kv_lora_rank": 48,
    "q_lora_rank": 32,
    "qk_rope_head_dim": 16,
    "qk_nope_head_dim": 16,
    "v_head_dim": 16,
    "num_experts_per_tok": 2,
    "first_k_dense_replace": 1,
}
linear = {
    "linear_num_value_heads": 2,
    "linear_num_key_heads": 1,
    "linear_key_head_dim": 32,
    "linear_value_head_dim": 32,
    "linear_conv_kernel_dim": 4,
    "full_attention_interval": 4,
}
mixed = ["sliding_attention", "full_attention"] * 2
configs: dict[str, dict[str, Any]] = {
    "every layer": {**attention, "model_type": "llama"},
    "experts": {
        **attention,
        "model_type": "qwen3_moe",
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "moe_intermediate_size": 32,
        "norm_topk_prob": True,
    },
    "windows by type": {
        **attention,
        "model_type": "gpt_oss",
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "sliding_window": 128,
        "layer_types": mixed,
    },
    "windows by pattern": {
        **attention,
        "model_type": "gemma3_text",
        "query_pre_attn_scalar": 32,
        "sliding_window": 128,
        "sliding_window_pattern": 4,
        "rope_local_base_freq": 1e4,
    },
    "wider where all is kept": {
        **attention,
        "model_type": "gemma4_text",
        "global_head_dim": 64,
        "num_global_key_value_heads": 1,
        "attention_k_eq_v": True,
        "num_kv_shared_layers": 1,
        "sliding_window": 128,
        "layer_types": mixed,
        "hidden_size_per_layer_input": 0,
    },
    "chunks": {
        "model_type": "llama4",
        "text_config": {
            **attention,
            "model_type": "llama4_text",
            "attention_bias": False,
            "attention_chunk_size": 128,
            "interleave_moe_layer_step": 1,
            "intermediate_size_mlp": 64,
            "num_experts_per_tok": 1,
            "num_local_experts": 2,
            "rope_scaling": None,
            "use_qk_norm": False,
        },
    },
    "states by interval": {
        "model_type": "qwen3_5",
        "text_config": {
            **attention,
            **linear,
            "model_type": "qwen3_5_text",
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e4,
                "partial_rotary_factor": 0.5,
            },
        },
    },
    "states by pattern": {
        **attention,
        "model_type": "nemotron_h",
        "hybrid_override_pattern": "M*-*",
        "attention_bias": False,
        "mamba_num_heads": 2,
        "mamba_head_dim": 32,
        "mamba_proj_bias": False,
        "ssm_state_size": 8,
        "conv_kernel": 4,
        "n_groups": 1,
        "mlp_bias": False,
        "layer_norm_epsilon": 1e-6,
        "use_bias": False,
        "use_conv_bias": True,
    },
    "states by type": {
        **attention,
        "model_type": "lfm2",
        "norm_eps": 1e-6,
        "conv_bias": False,
        "conv_L_cache": 3,
        "block_dim": 64,
        "block_ff_dim": 64,
        "block_multiple_of": 8,
        "block_ffn_dim_multiplier": 1.0,
        "block_auto_adjust_ff_dim": False,
        "head_dim": 16,
        "layer_types": ["conv", "full_attention", "conv", "full_attention"],
    },
    "latent": {**latent, "model_type": "deepseek_v3"},
    "latent, light": {**latent, "model_type": "glm4_moe_lite"},
}


def measured(config: dict[str, Any]) -> int:
    """Of caches that grow or have a window; what is of one size from the start is left out."""
    model_class, arguments = _get_classes(config)
    model = model_class(arguments.from_dict(config))
    caches = make_prompt_cache(model)
    mx.eval(model(mx.zeros((1, tokens), mx.int32), cache=caches))
    mx.eval(model(mx.zeros((1, 1), mx.int32), cache=caches))
    return sum(bytes_of(cache) for cache in caches)


def bytes_of(cache: Any) -> int:
    if isinstance(cache, ArraysCache):
        return 0
    if isinstance(cache, CacheList):
        return sum(bytes_of(each) for each in cache.caches)
    rows = min(tokens + 1, getattr(cache, "max_size", tokens), getattr(cache, "chunk_size", tokens))
    return sum(rows * array.shape[1] * array.shape[3] * 4 for array in (cache.keys, cache.values))


def rows() -> list[dict[str, Any]]:
    return [
        {"name": name, "tokens": tokens, "bytes": measured(config), "config": config}
        for name, config in configs.items()
    ]
