"""
Requests to the worker and what it says about them: plain data, no behaviour.

Tokens are ids in the model's vocabulary; positions count tokens from the start of the prompt.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int32]


class Priority(IntEnum):
    """Who goes first. The user looks at the main agent."""

    MAIN = 0
    SUBAGENT = 1
    BACKGROUND = 2
    IDLE = 3


@dataclass(frozen=True, slots=True)
class Sampling:
    """`temperature` 0 is greedy; the other fields do not matter then."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None


class Guide(Protocol):
    """What an answer must be like; used by one sequence, in the worker thread."""

    def hear(self, token: int) -> None:
        """The next token of the answer, end token included."""
        ...

    def mask(self) -> npt.NDArray[np.int32] | None:
        """
        Which tokens may follow, one bit each, lowest first, 32 to a word (vocabulary rounded up).
        None: any may.
        """
        ...


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """
    `boundaries`: positions at which the next request may leave this prompt, ascending; `lasting`
    are those among them at which any later one may. The first `instruction_tokens` are system and
    tools. Without `max_tokens` the prompt is computed but for its last token, and nothing is said.
    """

    tokens: Tokens
    boundaries: tuple[int, ...]
    max_tokens: int
    sampling: Sampling = Sampling()
    priority: Priority = Priority.MAIN
    lasting: frozenset[int] = frozenset()
    guide: Guide | None = None
    session: str = ""
    instruction_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Miss:
    """
    Why the prefix cache did not cover the prompt, and from which position on: `message` and `part`
    say what stands there.
    """

    reason: Literal["cold", "diverged", "no_state", "evicted", "restarted", "other_build"]
    position: int
    message: int | None = None
    part: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """`instruction_tokens`: those of system and tools together, None where they cannot be told."""

    prompt_tokens: int
    cached_tokens: int
    miss: Miss | None
    instruction_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Tokens prefilled of those that were not cached."""

    prefilled: int
    total: int


@dataclass(frozen=True, slots=True)
class Token:
    id: int


@dataclass(frozen=True, slots=True)
class Finished:
    """`stop`: `end_token` was generated, which is not among the `Token`s. `length`: the limit."""

    reason: Literal["stop", "length"]
    end_token: int | None
    prefill_seconds: float
    decode_seconds: float


GenerationEvent = Accepted | Progress | Token | Finished
