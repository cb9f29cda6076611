"""A rendered prompt in segments: from characters to tokens. Knows nothing of templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .events import Tokens
from .tree import common_prefix

Ids = Sequence[int]
Encode = Callable[[str], Ids]


class Rendered:
    """`pieces` are the segments of the text, in order, with the ids of each."""

    def __init__(self, text: str, pieces: Sequence[tuple[str, Ids]], encode: Encode) -> None:
        self.text = text
        self._pieces = pieces
        self._encode = encode
        self._chars = np.cumsum([0, *(len(segment) for segment, _ in pieces)])
        self._starts = np.cumsum([0, *(len(ids) for _, ids in pieces)])

    @property
    def tokens(self) -> Tokens:
        return np.concatenate([np.array(ids, np.int32) for _, ids in self._pieces])

    def parting(self, other: str | None) -> int | None:
        """The character at which this text parts from another one."""
        if other is None:
            return None
        if other.startswith(self.text):
            return len(self.text)
        low, high = 0, min(len(self.text), len(other))
        while low < high:
            middle = (low + high + 1) // 2
            if self.text[:middle] == other[:middle]:
                low = middle
            else:
                high = middle - 1
        return low

    def segment_at(self, char: int | None) -> int | None:
        """The first token of the segment that has this character."""
        return None if char is None else int(self._starts[self._index(char)])

    def token_at(self, char: int | None) -> int | None:
        """How many tokens surely stand before this character, whatever follows there."""
        if char is None:
            return None
        index = self._index(char)
        if index == len(self._pieces):
            return int(self._starts[index])
        segment, ids = self._pieces[index]
        head = self._encode(segment[: char - int(self._chars[index])])
        common = common_prefix(np.array(ids, np.int32), np.array(head, np.int32))
        return int(self._starts[index]) + common

    def _index(self, char: int) -> int:
        return int(np.searchsorted(self._chars, char, "right")) - 1
