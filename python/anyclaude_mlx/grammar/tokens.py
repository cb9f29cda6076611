"""A model's tokens as llguidance wants them: which bytes each stands for, and which are no text."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

from llguidance import LLTokenizer, TokenizerWrapper


class Tokens:
    """What `TokenizerWrapper` asks for."""

    def __init__(self, hf: Any, size: int, marks: Set[int]) -> None:
        self._hf = hf
        ends = sorted(hf.eos_token_ids)
        self.eos_token_id = ends[0]
        self.bos_token_id = None
        written = hf.backend_tokenizer.to_str()
        read = LLTokenizer(written, n_vocab=size, eos_token=ends)
        self.tokens = [read.decode_bytes([token]) for token in range(read.vocab_size)]
        # llguidance takes every added token between angle brackets for one that no text can hold.
        # But a model writes the tags of its calls with such tokens: these are text like any other.
        declared = {
            token["id"]
            for token in json.loads(written)["added_tokens"]
            if token["special"] or token["content"].startswith("<|")
        }
        self.special_token_ids = sorted({*declared, *ends, *marks})

    def __call__(self, text: bytes | str) -> list[int]:
        text = text if isinstance(text, str) else text.decode("utf-8", "replace")
        return list(self._hf.encode(text, add_special_tokens=False))


def read_tokenizer(hf: Any, size: int, marks: Set[int]) -> LLTokenizer:
    """`size` is how many logits there are; `marks` are tokens that stand for themselves alone."""
    ends = sorted(hf.eos_token_ids)
    return LLTokenizer(TokenizerWrapper(Tokens(hf, size, marks)), n_vocab=size, eos_token=ends)
