"""
From tokens to text and marks, whole characters only. Knows the vocabulary; knows nothing of what
the text means.

Byte-level vocabularies are decoded here: mlx-lm's detokeniser drops a space at the start of an
answer, which is wrong for text that is indented, and turns a zero byte into a letter. For other
vocabularies its detokenisers are used.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any, Protocol

from tokenizers import decoders

from .output import Mark, Piece


class Detokenizer(Protocol):
    """Of one answer."""

    def add(self, token: int) -> list[Piece]: ...
    def finish(self) -> list[Piece]:
        """What was held back because its last character is not complete."""
        ...


class Vocabulary:
    """Made once for a model: what each token says."""

    def __init__(self, tokenizer: Any, marks: Mapping[int, str]) -> None:
        """`marks` are the tokens that are given out as what they are, not as text."""
        self.tokenizer = tokenizer
        self.marks = {token: Mark(text) for token, text in marks.items()}
        backend = getattr(tokenizer, "backend_tokenizer", None)
        self.is_bytes = isinstance(getattr(backend, "decoder", None), decoders.ByteLevel)
        self._values = {letter: byte for byte, letter in enumerate(byte_letters())}
        self._added = {token: text for text, token in tokenizer.get_added_vocab().items()}
        self._known: dict[int, bytes] = {}

    def detokenizer(self) -> Detokenizer:
        return ByteDetokenizer(self) if self.is_bytes else AnyDetokenizer(self)

    def bytes_of(self, token: int) -> bytes:
        """Of a byte-level vocabulary; nothing for a number that is no token."""
        known = self._known.get(token)
        if known is None:
            known = self._known[token] = self._read(token)
        return known

    def _read(self, token: int) -> bytes:
        """Added tokens are written as they are, the others with a letter for each byte."""
        if token in self._added:
            return str(self._added[token]).encode()
        if token >= len(self.tokenizer):
            return b""
        written = self.tokenizer.convert_ids_to_tokens(token) or ""
        if any(letter not in self._values for letter in written):
            return str(written).encode()
        return bytes(self._values[letter] for letter in written)


class ByteDetokenizer:
    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, token: int) -> list[Piece]:
        mark = self._vocabulary.marks.get(token)
        if mark:
            return [*self.finish(), mark]
        return said(self._decoder.decode(self._vocabulary.bytes_of(token)))

    def finish(self) -> list[Piece]:
        return said(self._decoder.decode(b"", final=True))


class AnyDetokenizer:
    """mlx-lm's, which holds back what ends in the middle of a character too."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._inner = vocabulary.tokenizer.detokenizer

    def add(self, token: int) -> list[Piece]:
        mark = self._vocabulary.marks.get(token)
        if mark:
            before = self.finish()
            return [*before, mark]
        self._inner.add_token(token)
        return said(self._inner.last_segment)

    def finish(self) -> list[Piece]:
        self._inner.finalize()
        return said(self._inner.last_segment)


def said(text: str) -> list[Piece]:
    return [text] if text else []


def byte_letters() -> str:
    """What byte-level vocabularies write for each byte: printable ones for themselves."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return "".join(chr(byte if byte in printable else next(others)) for byte in range(0x100))
