"""A rendered prompt in pieces: from characters to tokens. Knows nothing of templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..events import Tokens
from ..prefix.tree import common_prefix
from .pieces import Piece, joined


class Rendered:
    """`pieces` are all of the text, in order; `encode` is for the beginning of one."""

    def __init__(self, pieces: Sequence[Piece], encode: Callable[[str], Tokens]) -> None:
        self.pieces = pieces
        self.text = "".join(piece.text for piece in pieces)
        self.tokens: Tokens = np.concatenate([np.array([], np.int32), *(p.ids for p in pieces)])
        self._encode = encode
        self.chars = np.cumsum([0, *(len(piece.text) for piece in pieces)])
        self._starts = np.cumsum([0, *(len(piece.ids) for piece in pieces)])

    @property
    def answered(self) -> int:
        """Where the last answer ends that stands as it was generated; 0 without one."""
        return joined(self.pieces).answered

    def segment_at(self, char: int | None) -> int | None:
        """The first token of the piece that has this character."""
        return None if char is None else int(self._starts[self.index(char)])

    def token_at(self, char: int | None) -> int | None:
        """How many tokens surely stand before this character, whatever follows there."""
        if char is None:
            return None
        index = self.index(char)
        if index == len(self.pieces):
            return int(self._starts[index])
        piece = self.pieces[index]
        head = self._encode(piece.text[: char - int(self.chars[index])])
        return int(self._starts[index]) + common_prefix(piece.ids, head)

    def index(self, char: int) -> int:
        """Of the piece that has this character; their number at the end of the text."""
        return int(np.searchsorted(self.chars, char, "right")) - 1


def parting(text: str, other: str | None) -> int | None:
    """The character at which a text parts from another one."""
    if other is None:
        return None
    if other.startswith(text):
        return len(text)
    low, high = 0, min(len(text), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if text[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
