"""
Prompt-lookup decoding: what stood behind the last tokens before is likely to stand there again.
Drafts, and decides from what it sees whether drafting pays. Pure; computes nothing.

A draft is never trusted: the model reads it in one step and keeps what it would have said itself.
Whether drafts would have been right costs nothing to know, so that is watched while none is used.
"""

from __future__ import annotations

import numpy as np

from .events import Tokens

# So many tokens have to be the same before what follows is taken for a draft, and so many follow.
same_tokens = 3
draft_tokens = 8
# A step with a draft has to be this much faster than steps without.
worthwhile = 1.1
# A step with a draft is assumed to take so many times a plain one until it has been measured.
assumed_cost = 2.0
# Weight of the newest observation, and how many are needed before anything is decided.
newest_share = 0.1
least_observed = 4
# After so many drafts that a bad measurement has kept from being used, it is measured again.
forgotten_after = 64


class Speculation:
    """Of one sequence."""

    def __init__(self, tokens: Tokens, most: int) -> None:
        """`tokens` are those of the prompt; at most so many will follow."""
        self._history = np.zeros(len(tokens) + most + draft_tokens + 1, np.int32)
        self._history[: len(tokens)] = tokens
        self._length = len(tokens)
        self._awaited: list[int] = []
        self._right = 0
        self._accepted = 0.0
        self._observed = 0
        self._unused = 0
        self._seconds: dict[bool, float] = {}

    @property
    def pays(self) -> bool:
        """Whether the next step should try a draft."""
        plain = self._seconds.get(False)
        if plain is None or self._observed < least_observed:
            return False
        drafted = self._seconds.get(True, plain * assumed_cost)
        return plain * (1 + self._accepted) > drafted * worthwhile

    def draft(self) -> list[int]:
        """What stood behind the last place where the newest tokens stood; empty if nowhere."""
        known = self._history[: self._length]
        if self._length <= same_tokens:
            return []
        newest = known[-same_tokens:]
        places = np.flatnonzero(known[same_tokens - 1 : -1] == newest[-1])
        for place in places[::-1][:16]:
            if np.array_equal(known[place : place + same_tokens], newest):
                start = int(place) + same_tokens
                return [int(token) for token in known[start : start + draft_tokens]]
        return []

    def hear(self, tokens: list[int]) -> None:
        """What was said, drafted or not."""
        for token in tokens:
            self._history[self._length] = token
            self._length += 1
            if self._awaited:
                self._await(token)
            else:
                self._awaited = self.draft()

    def took(self, seconds: float, *, drafted: bool) -> None:
        """A step, with a draft or without."""
        before = self._seconds.get(drafted, seconds)
        self._seconds[drafted] = before + newest_share * (seconds - before)

    def _await(self, token: int) -> None:
        """A draft that was made in passing is compared with what really came."""
        if token == self._awaited[0]:
            self._right += 1
            self._awaited.pop(0)
            if self._awaited:
                return
        self._accepted += max(newest_share, 1 / (self._observed + 1)) * (
            self._right - self._accepted
        )
        self._observed += 1
        self._right, self._awaited = 0, []
        if not self.pays:
            self._unused += 1
            if self._unused % forgotten_after == 0:
                self._seconds.pop(True, None)
