"""
Who prefills next. Decides only; computes nothing.

One prompt is prefilled at a time, a chunk between two rounds of decoding. The main agent goes
before sub-agents, these before background work; among equals the shortest remaining prompt first.
A waiting one gains a rank for every `ageing_chunks` chunks of others, so that none waits for ever.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from .events import Priority

ageing_chunks = 32


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
