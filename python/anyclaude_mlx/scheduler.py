"""
Who prefills next, and how much at once. Decides only; computes nothing.

One prompt is prefilled at a time, a chunk between two rounds of decoding. The main agent goes
before sub-agents, these before background work; among equals the shortest remaining prompt first.
A waiting one gains a rank for every `ageing_chunks` chunks of others, so that none waits for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from .events import Priority

ageing_chunks = 32
# How long a stream may stand still while another prompt is read.
gap_seconds = 0.25
smallest_chunk = 16
first_chunk = 128


class Waiting(Protocol):
    @property
    def priority(self) -> Priority: ...
    @property
    def remaining(self) -> int: ...

    chunks_waited: int


W = TypeVar("W", bound=Waiting)


def next_to_prefill(waiting: Iterable[W]) -> W | None:
    return min(waiting, key=rank, default=None)


def rank(waiting: Waiting) -> tuple[int, int]:
    return (waiting.priority - waiting.chunks_waited // ageing_chunks, waiting.remaining)


class Pace:
    """
    Tokens of a prefill chunk while others decode, so that their gaps stay within the budget. It
    follows what was measured by steps of at most two, since a chunk costs something of its own.
    """

    def __init__(self, budget_seconds: float = gap_seconds) -> None:
        # The rest is for the decode step and for what measuring cannot foresee.
        self._budget = budget_seconds * 0.8
        self.chunk = first_chunk

    def observe(self, tokens: int, seconds: float) -> None:
        """A chunk, whoever asked for it. A short one says how slow we are, never how fast."""
        fitting = int(tokens * self._budget / max(seconds, 1e-9))
        if tokens < self.chunk // 2 and fitting < self.chunk and seconds < self._budget:
            return
        self.chunk = max(smallest_chunk, self.chunk // 4, min(fitting, self.chunk * 2))
