"""Architectures beyond the usual ones: loaded, answering, and a prefix as good as a cold run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import models
import numpy as np
import pytest
from conftest import settings
from generating import assistant, begin, generate, prefilled, spoken, user
from mlx.utils import tree_flatten
from mlx_lm.models import llama
from mlx_lm.models.cache import KVCache
from mlx_lm.utils import _get_classes
from models import attention, hidden, kinds, vocabulary

from anyclaude_mlx.__main__ import load
from anyclaude_mlx.loaded import Loaded

recurrent = {
    "hidden_size": hidden,
    "intermediate_size": 96,
    "state_size": 8,
    "num_hidden_layers": 2,
    "conv_kernel": 4,
    "use_bias": True,
    "use_conv_bias": True,
    "time_step_rank": 4,
    "vocab_size": vocabulary,
    "tie_word_embeddings": False,
    "max_position_embeddings": 131072,
}
configs: dict[str, tuple[dict[str, Any], list[str]]] = {
    "experts": (
        {
            **attention,
            "model_type": "qwen3_moe",
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "decoder_sparse_step": 1,
            "mlp_only_layers": [],
            "moe_intermediate_size": 96,
            "norm_topk_prob": True,
            "rope_theta": 1e4,
        },
        ["KVCache", "KVCache"],
    ),
    "sinks": (
        {
            **attention,
            "model_type": "gpt_oss",
            "num_local_experts": 4,
            "num_experts_per_tok": 2,
            "sliding_window": 128,
            "rope_theta": 1e4,
            "layer_types": ["sliding_attention", "full_attention"],
        },
        ["RotatingKVCache", "KVCache"],
    ),
    "recurrent": (
        {**recurrent, "model_type": "mamba"},
        ["ArraysCache", "ArraysCache"],
    ),
    "both in one layer": (
        {
            **attention,
            "model_type": "falcon_h1",
            "mamba_d_ssm": 96,
            "mamba_d_state": 8,
            "mamba_n_heads": 3,
            "mamba_d_head": 32,
            "mamba_n_groups": 1,
            "mamba_d_conv": 4,
            "mamba_chunk_size": 16,
            "mamba_conv_bias": True,
            "mamba_proj_bias": False,
            "mamba_rms_norm": False,
            "mamba_norm_before_gate": False,
            "rope_theta": 1e4,
        },
        ["CacheList", "CacheList"],
    ),
    "chunks": (
        {
            "model_type": "llama4",
            "text_config": {
                **attention,
                "model_type": "llama4_text",
                "attention_bias": False,
                "attention_chunk_size": 128,
                "interleave_moe_layer_step": 1,
                "intermediate_size_mlp": 128,
                "num_experts_per_tok": 1,
                "num_local_experts": 2,
                "rope_scaling": None,
                "rope_theta": 1e4,
                "use_qk_norm": False,
                "num_hidden_layers": 4,
            },
        },
        ["ChunkedKVCache", "ChunkedKVCache", "ChunkedKVCache", "KVCache"],
    ),
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    root = tmp_path_factory.mktemp("classes")
    yield {name: make(config, root / name) for name, (config, _) in configs.items()}


def make(config: dict[str, Any], folder: Path) -> Path:
    """As `models.make_model`, for layers of any shape."""
    folder.mkdir()
    tokenizer = models.make_tokenizer(with_thinking=False)
    tokenizer.save(str(folder / "tokenizer.json"))
    models.write_tokenizer_config(folder, "full")
    config = {**config, "eos_token_id": tokenizer.token_to_id("<|im_end|>")}
    (folder / "config.json").write_text(json.dumps(config))
    kind = models.kinds_of(tokenizer)
    model_class, arguments_class = _get_classes(config)
    chance = np.random.default_rng(5)
    weights = {
        path: mx.array(weight(path, parameter.shape, chance, kind).astype(np.float32))
        for path, parameter in tree_flatten(
            model_class(arguments_class.from_dict(config)).parameters()
        )
    }
    mx.save_safetensors(str(folder / "model.safetensors"), weights, {"format": "mlx"})
    return folder


def weight(
    path: str, shape: tuple[int, ...], chance: np.random.Generator, kind: np.ndarray
) -> np.ndarray:
    carried = len(kinds)
    if "conv1d" in path:
        return chance.normal(0, 0.5, shape)
    if path.endswith("dt_proj.bias"):
        return np.full(shape, -3.0)  # remembers long
    value = models.initial(path, shape, chance, gemma=False)
    if "out_proj" in path or "x_proj" in path:
        value *= 4
    if "embed" in path:
        value[:, -carried:] = 0
        value[np.arange(vocabulary), hidden - carried + kind] = 6.0
    elif "lm_head" in path:
        value[:, :-carried] *= 8
        value[:, -carried:] = models.transitions("full")[:, kind].T
    elif "norm" not in path and "A_log" not in path and path.split(".")[-1] != "D":
        # No layer reads or writes the dimensions that carry the kind of the last token.
        if value.ndim > 1 and value.shape[-1] == hidden:
            value[..., -carried:] = 0
        if value.ndim > 1 and value.shape[-2] == hidden:
            value[..., -carried:, :] = 0
        if path.endswith("bias") and value.shape[-1] == hidden:
            value[..., -carried:] = 0
    return value


def talk(turns: int) -> list[dict[str, object]]:
    messages = [user("Read a.txt " * 20)]
    for turn in range(1, turns):
        messages += [assistant(f"words of turn {turn} " * 5), user(f"And then {turn}? " * 9)]
    return messages


@pytest.mark.parametrize("name", configs)
def test_an_answer_behind_a_prefix_is_the_cold_one(name: str, folders: dict[str, Path]) -> None:
    warm = load(settings(folders[name]))
    cold = load(settings(folders[name], prefix_cache=False))

    check(warm, cold)

    assert warm.about()["caches"] == configs[name][1]


def check(warm: Loaded, cold: Loaded) -> None:
    said = []
    for turns in (1, 2, 3):
        expected = generate(cold, talk(turns), 30)
        actual = generate(warm, talk(turns), 30)
        assert actual.tokens == expected.tokens
        assert (actual.accepted.cached_tokens > 0) == (turns > 1)
        said.append(expected.tokens)
    # Otherwise nothing would have been compared.
    assert len({tuple(tokens) for tokens in said}) == 3
    assert all(len(set(tokens)) > 2 for tokens in said)
    rewound = [*talk(2), assistant("no"), user("Something else")]
    actual = generate(warm, rewound, 30)
    assert actual.tokens == generate(cold, rewound, 30).tokens
    assert actual.accepted.cached_tokens > 0
    check_together(warm, cold)


def check_together(warm: Loaded, cold: Loaded) -> None:
    """In one step or in turn, whichever the architecture allows."""
    prompts = [talk(2), [user("Write b.txt " * 30)]]
    expected = [generate(cold, prompt, 30).tokens for prompt in prompts]
    running = [begin(warm, prompt, 30) for prompt in prompts]
    spoken([prefilled(sequence) for _, sequence in running])
    assert [run.tokens for run, _ in running] == expected


class OddCache(KVCache):
    """Of a class that nobody knows: restored only where it was copied."""


def test_an_unknown_cache_class_is_served_and_named(
    model_folder: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama.Model, "make_cache", lambda _: [KVCache(), OddCache()])
    warm = load(settings(model_folder["full"]))
    cold = load(settings(model_folder["full"], prefix_cache=False))

    check(warm, cold)

    assert warm.about()["caches"] == ["KVCache", "OddCache"]
    assert not warm.model.any_position
