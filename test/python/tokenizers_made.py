"""Small byte-level tokenizers with the markers and the template that a test asks for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlx_lm.tokenizer_utils import load
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

chatml = """{%- if tools %}<|im_start|>system
{{ tools | tojson }}<|im_end|>
{% endif %}{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}{% for call in message.tool_calls or [] %}<tool_call>
{{ call.function | tojson }}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def make_tokenizer(
    *marks: str,
    template: str = chatml,
    parser: str | None = None,
    ends: Sequence[str] = ("<|im_end|>",),
) -> Any:
    """As mlx-lm loads it. `marks` are tokens of their own; `parser` is mlx-lm's name."""
    tokenizer = Tokenizer.from_str(trained())
    tokenizer.add_special_tokens([*ends, "<|im_start|>"])
    tokenizer.add_tokens([mark for mark in marks if mark not in ends])
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": ends[0],
        "chat_template": template,
        "clean_up_tokenization_spaces": False,
        **({"tool_parser_type": parser} if parser else {}),
    }
    with TemporaryDirectory() as folder:
        tokenizer.save(str(Path(folder) / "tokenizer.json"))
        (Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
        identities = [tokenizer.token_to_id(end) for end in ends]
        return load(Path(folder), eos_token_ids=identities)


@cache
def trained() -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(
        ['{"name": "Read", "arguments": {"file_path": "', "to read a file ", "日本 🦊 é"] * 9,
        trainer,
    )
    return str(tokenizer.to_str())
