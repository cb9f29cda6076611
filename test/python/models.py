"""
Makes tiny random float32 models: `python models.py full|window|hybrid|endless FOLDER`.

`endless` is `full` that never stops by itself.

They understand nothing, but what they write is well formed and varied: words, tool calls, thinking.
That comes from a few dimensions that no layer reads or writes. They carry the *kind* of the last
token from the embedding to the output head, which allows only kinds that may follow it. Among
those the rest of the net, random but a function of the whole context, chooses. So a wrong prefix
changes the answer, which a purely random net, repeating one word for ever, would not show.
"""

from __future__ import annotations

import itertools
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten
from mlx_lm.utils import _get_classes
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

hidden = 64
vocabulary = 1024
# Words come in families that follow each other, so that no word is repeated for ever. What comes
# after a round of them is chosen among as many words each: another round, or one that leads on.
thought = ["think 0", "think 1", "think 2"]
said = ["say 0", "say 1", "say 2"]
families = [*thought, "conclude", *said, "call", "last"]
kinds = ["other", *families]
kinds += ["open", "head", "file", "close", "unopen", "again", "end", "unthink"]
forbidden = -200.0

heads = [
    '{"name": "Read", "arguments": {"file_path": "',
    '{"name": "Write", "arguments": {"file_path": "',
]
files = ["a.txt", "b.txt", "src/main.py", "README.md", "notes/today.md"]
close = '"}}\n'
specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

# What may follow a kind.
may_follow: dict[str, list[str]] = {
    **{before: [after] for before, after in itertools.pairwise(thought)},
    **{before: [after] for before, after in itertools.pairwise(said)},
    "think 2": ["think 0", "conclude"],
    "conclude": ["unthink"],
    "unthink": ["say 0"],
    "say 2": ["say 0", "call", "last"],
    "call": ["open"],
    "last": ["end"],
    "open": ["head"],
    "head": ["file"],
    "file": ["close"],
    "close": ["unopen"],
    "unopen": ["end", "again"],
    "again": ["open"],
    "end": ["say 0"],
}
# How willingly, as a logit, so that all of it happens: found by trying, per architecture.
willingness: dict[str, dict[str, float]] = {
    "full": {"call": -3.0, "last": -4.0},
    "window": {"call": -0.7, "last": -1.5},
    "hybrid": {"conclude": -2.0, "call": -1.5, "last": -2.0},
    "endless": {"call": forbidden, "last": forbidden},
}
# Weights whose answers differ from prompt to prompt, found by trying.
seeds = {"full": 2, "window": 1, "hybrid": 7, "endless": 1}

chatml = """{%- if tools %}<|im_start|>system
{%- if messages[0].role == 'system' %}
{{ messages[0].content }}{% endif %}

# Tools
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}<|im_end|>
{% elif messages[0].role == 'system' %}<|im_start|>system
{{ messages[0].content }}<|im_end|>
{% endif %}
{%- for message in messages %}
{%- if message.role == 'system' and loop.first %}{% continue %}{% endif %}
{%- if message.role == 'tool' %}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% elif message.role == 'assistant' %}<|im_start|>assistant
{{ THINKING }}{{ message.content }}
{%- for tool_call in message.tool_calls or [] %}
{%- set tool_call = tool_call.function %}
<tool_call>
{"name": "{{ tool_call.name }}", "arguments": {{ tool_call.arguments | tojson }}}
</tool_call>
{%- endfor %}<|im_end|>
{% else %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{{ OPENING }}{% endif %}"""
thinking = """{% if message.reasoning_content %}<think>
{{ message.reasoning_content }}
</think>
{% endif %}"""

attention = {
    "hidden_size": hidden,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 32,
    "vocab_size": vocabulary,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
}
configs: dict[str, dict[str, Any]] = {
    "full": {**attention, "model_type": "llama", "rope_theta": 1e4},
    "window": {
        **attention,
        "model_type": "gemma3_text",
        "query_pre_attn_scalar": 32,
        "sliding_window": 128,
        "sliding_window_pattern": 2,
        "rope_local_base_freq": 1e4,
    },
    "hybrid": {
        "model_type": "qwen3_5",
        "max_position_embeddings": 131072,
        "text_config": {
            **attention,
            "model_type": "qwen3_5",
            "full_attention_interval": 2,
            "linear_num_value_heads": 2,
            "linear_num_key_heads": 1,
            "linear_key_head_dim": 32,
            "linear_value_head_dim": 32,
            "linear_conv_kernel_dim": 4,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e4,
                "partial_rotary_factor": 0.5,
            },
        },
    },
}


def make_model(name: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(with_thinking=name == "hybrid")
    tokenizer.save(str(folder / "tokenizer.json"))
    write_tokenizer_config(folder, name)
    end = tokenizer.token_to_id("<|im_end|>")
    config = {
        **configs["full" if name == "endless" else name],
        "eos_token_id": end,
        "bos_token_id": None,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    make_weights(name, config, kinds_of(tokenizer), folder)
    return folder


def make_tokenizer(*, with_thinking: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(r" ?[a-z]+|\n|[^a-z\n]"), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    marks = ["<tool_call>\n", "</tool_call>", "\n\n", *heads, *files, close]
    marks += ["<think>", "</think>"] if with_thinking else []
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(marks),
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_tokens(marks)
    return tokenizer


@cache
def corpus() -> list[str]:
    """Pronounceable words, made up; enough of them to fill the vocabulary."""
    chance = np.random.default_rng(1)
    syllables = [
        "ba",
        "de",
        "fi",
        "go",
        "ku",
        "la",
        "me",
        "ni",
        "po",
        "ru",
        "sa",
        "te",
        "vi",
        "zo",
    ]
    words = ["".join(chance.choice(syllables, chance.integers(2, 4))) for _ in range(400)]
    return [" " + " ".join(chance.choice(words, 12)) for _ in range(600)]


def kinds_of(tokenizer: Tokenizer) -> np.ndarray:
    """The kind of each token, as an index into `kinds`."""
    kind = np.zeros(vocabulary, np.int64)
    for token, identity in tokenizer.get_vocab().items():
        text = token.replace("Ġ", " ")
        if text.startswith(" ") and len(text) > 4 and text[1:].isalpha():
            kind[identity] = kinds.index(families[identity % len(families)])
    named = {
        "<tool_call>\n": "open",
        close: "close",
        "</tool_call>": "unopen",
        "\n\n": "again",
        "<|im_end|>": "end",
    }
    named |= {head: "head" for head in heads} | {file: "file" for file in files}
    named["</think>"] = "unthink"
    for token, name in named.items():
        identity = tokenizer.token_to_id(token)
        if identity is not None:
            kind[identity] = kinds.index(name)
    return kind


def make_weights(name: str, config: dict[str, Any], kind: np.ndarray, folder: Path) -> None:
    model_class, arguments_class = _get_classes(config)
    model = model_class(arguments_class.from_dict(config))
    chance = np.random.default_rng(seeds[name])
    carried = len(kinds)
    weights: dict[str, mx.array] = {}
    for path, parameter in tree_flatten(model.parameters()):
        value = initial(path, parameter.shape, chance, gemma=name == "window")
        if "embed_tokens" in path:
            value[:, -carried:] = 0
            value[np.arange(vocabulary), hidden - carried + kind] = 6.0
        elif "lm_head" in path:
            # As large as those of a trained model: what may differ is promised in absolute numbers.
            value[:, -carried:] = transitions(name)[:, kind].T / 8
        elif value.ndim == 2:
            if value.shape[1] == hidden:
                value[:, -carried:] = 0
            if value.shape[0] == hidden:
                value[-carried:, :] = 0
        weights[path] = mx.array(value.astype(np.float32))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, {"format": "mlx"})


def initial(
    path: str, shape: tuple[int, ...], chance: np.random.Generator, *, gemma: bool
) -> np.ndarray:
    if "norm" in path:
        return np.zeros(shape) if gemma else np.ones(shape)
    if path.endswith(("A_log", "dt_bias")):
        return chance.uniform(-1, 1, shape)
    fan_in = shape[-1] if len(shape) > 1 else hidden
    # Attention that looks at few tokens, not at the mean of all: one wrong token then matters.
    gain = 4.0 if path.endswith(("q_proj.weight", "k_proj.weight")) else 1.5
    # What a layer adds outweighs the last token, so that the answer depends on the whole context.
    gain *= 3.0 if path.endswith(("o_proj.weight", "down_proj.weight")) else 1.0
    return chance.normal(0, gain / np.sqrt(fan_in), shape)


def transitions(name: str) -> np.ndarray:
    """Logit that the kind of the last token adds for a token of each kind."""
    table = np.full((len(kinds), len(kinds)), forbidden)
    first = thought[0] if name == "hybrid" else said[0]
    for before, following in {"other": [first], **may_follow}.items():
        for after in following:
            willing = willingness[name].get(after, 0.0)
            table[kinds.index(before), kinds.index(after)] = willing
    return table


def write_tokenizer_config(folder: Path, name: str) -> None:
    template = chatml.replace("{{ OPENING }}", "<think>\n" if name == "hybrid" else "")
    template = template.replace("{{ THINKING }}", thinking if name == "hybrid" else "")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "chat_template": template,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 131072,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1))


if __name__ == "__main__":
    make_model(sys.argv[1], Path(sys.argv[2]))
