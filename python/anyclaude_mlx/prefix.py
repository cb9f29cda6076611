"""
Computed prefixes, by their tokens. Knows lengths and bytes, never what a state is made of.

A stored sequence holds the attention keys and values of all its tokens, and, for models with
windowed or recurrent layers, copies of those layers' states at some positions. With attention
alone every position can be restored; otherwise only those positions.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np

from .events import Miss, Tokens

Memory = TypeVar("Memory")
State = TypeVar("State")


class Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


# The end of system + tools comes first and is wanted longest; the newest are wanted next.
oldest_states_kept = 2
newest_states_kept = 6


@dataclass(slots=True)
class Stored(Generic[Memory, State]):
    """`memory` covers all tokens; `states` maps a position to the states of the other layers."""

    tokens: Tokens
    memory: Memory
    states: dict[int, State]
    nbytes: int
    used: int = 0


@dataclass(frozen=True, slots=True)
class Match(Generic[Memory, State]):
    """`length` tokens can be restored from `stored`; `miss` says why not more."""

    length: int
    stored: Stored[Memory, State] | None
    miss: Miss | None


@dataclass(slots=True)
class PrefixCache(Generic[Memory, State]):
    """Least recently used sequences go first when `max_bytes` is exceeded."""

    max_bytes: int
    any_position: bool
    evicted: int = 0
    _stored: list[Stored[Memory, State]] = field(default_factory=list)
    _gone: list[Tokens] = field(default_factory=list)
    _clock: itertools.count[int] = field(default_factory=itertools.count)

    def lookup(self, tokens: Tokens) -> Match[Memory, State]:
        """The last token is never part of a match: it is fed again for its logits."""
        limit = len(tokens) - 1
        best: Stored[Memory, State] | None = None
        best_length = matched = 0
        for stored in self._stored:
            common = min(common_prefix(stored.tokens, tokens), limit)
            matched = max(matched, common)
            length = common if self.any_position else self._nearest_state(stored, common)
            if length > best_length:
                best, best_length = stored, length
        if best is not None:
            best.used = next(self._clock)
        extended = best is not None and best_length == len(best.tokens)
        miss = None if extended else self._miss(tokens, best_length, matched, limit)
        return Match(best_length, best, miss)

    def insert(self, tokens: Tokens, memory: Memory, states: dict[int, State]) -> None:
        """Takes `memory` and `states` over: the caller must not write to them again."""
        for stored in list(self._stored):
            common = common_prefix(stored.tokens, tokens)
            if common == len(tokens) < len(stored.tokens):
                tokens, memory = stored.tokens, stored.memory
            if common == min(len(tokens), len(stored.tokens)):
                states = stored.states | states
                self._stored.remove(stored)
        states = thinned(states)
        nbytes = size_of(memory) + sum(size_of(state) for state in states.values())
        self._stored.append(Stored(tokens, memory, states, nbytes, next(self._clock)))
        self.make_room(0)

    def make_room(self, wanted_bytes: int) -> None:
        """Evicts until `wanted_bytes` more would fit, or nothing is left."""
        while self._stored and self.nbytes + wanted_bytes > self.max_bytes:
            oldest = min(self._stored, key=lambda stored: stored.used)
            self._stored.remove(oldest)
            self._gone = [*self._gone[-31:], oldest.tokens]
            self.evicted += 1

    @property
    def nbytes(self) -> int:
        return sum(stored.nbytes for stored in self._stored)

    def _nearest_state(self, stored: Stored[Memory, State], common: int) -> int:
        return max((position for position in stored.states if position <= common), default=0)

    def _miss(self, tokens: Tokens, length: int, matched: int, limit: int) -> Miss | None:
        if length == limit:
            return None
        if any(common_prefix(gone, tokens) > matched for gone in self._gone):
            return Miss("evicted", length)
        if length < matched:
            return Miss("no_state", length)
        return Miss("diverged" if matched > 0 else "cold", length)


def common_prefix(one: Tokens, other: Tokens) -> int:
    """Number of tokens at the start that are equal."""
    length = min(len(one), len(other))
    differing = np.flatnonzero(one[:length] != other[:length])
    return int(differing[0]) if len(differing) else length


def thinned(states: dict[int, State]) -> dict[int, State]:
    positions = sorted(states)
    kept = positions[:oldest_states_kept] + positions[oldest_states_kept:][-newest_states_kept:]
    return {position: states[position] for position in kept}


def size_of(value: object) -> int:
    """Bytes of anything that says so; a state that does not is free."""
    return int(getattr(value, "nbytes", 0))
