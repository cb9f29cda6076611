"""
Holds one answer to its form. An answer goes through phases: in a free one any token may follow and
nothing is computed, until a sign ends it; in a held one a grammar says which may.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher

log = logging.getLogger(__name__)
Mask = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Sign:
    """What ends a free phase: a token of its own, else a text at the end of what was heard."""

    token: int | None
    text: str
    leads_to: str


@dataclass(frozen=True, slots=True)
class Free:
    signs: Sequence[Sign]


@dataclass(frozen=True, slots=True)
class Held:
    """
    `leads_to` is the phase behind the grammar's end, by its last token or, under None, by any;
    without one the answer ends. `exits` are tokens that may stand in place of the grammar's first.
    """

    grammar: Callable[[], str]
    leads_to: Mapping[int | None, str] = field(default_factory=dict)
    exits: Mapping[int, str] = field(default_factory=dict)


Phases = Mapping[str, Free | Held]


class Compiler(Protocol):
    """Grammars and tokens of one model."""

    @property
    def words(self) -> int:
        """Of a mask."""
        ...

    def matcher(self, grammar: str) -> LLMatcher: ...
    def bytes_of(self, token: int) -> bytes: ...
    def tokens_of(self, text: bytes) -> list[int]: ...


class PhasedGuide:
    def __init__(self, compiler: Compiler, phases: Phases, first: str) -> None:
        self._compiler = compiler
        self._phases = phases
        self._enter(first)

    def hear(self, token: int) -> None:
        phase = self._phase
        if isinstance(phase, Free):
            self._watch(phase, token)
        elif self._fresh and token in phase.exits:
            self._enter(phase.exits[token])
        else:
            self._consume(phase, [token])

    def mask(self) -> Mask | None:
        phase = self._phase
        if isinstance(phase, Free):
            return None
        matcher = self._open(phase)
        if matcher.is_error():
            return None
        mask = np.frombuffer(matcher.compute_bitmask(), np.int32)[: self._compiler.words]
        if self._fresh and phase.exits:
            mask = mask.copy()
            for token in phase.exits:
                mask.view(np.uint32)[token >> 5] |= np.uint32(1 << (token & 31))
        return mask

    def _enter(self, name: str) -> None:
        self._phase = self._phases[name]
        self._matcher: LLMatcher | None = None
        self._fresh = True
        self._tail = b""

    def _open(self, phase: Held) -> LLMatcher:
        """Compiled when it is first asked for: an answer that never gets here costs nothing."""
        if self._matcher is None:
            self._matcher = self._compiler.matcher(phase.grammar())
        return self._matcher

    def _watch(self, phase: Free, token: int) -> None:
        for sign in phase.signs:
            if sign.token == token:
                self._enter(sign.leads_to)
                return
        texts = [(sign, sign.text.encode()) for sign in phase.signs if sign.token is None]
        if not texts:
            return
        longest = max(len(text) for _, text in texts)
        self._tail = self._tail[-longest:] + self._compiler.bytes_of(token)
        for sign, text in texts:
            _, found, behind = self._tail.partition(text)
            if found:
                self._enter(sign.leads_to)
                if behind and isinstance(self._phase, Held):
                    self._consume(self._phase, self._compiler.tokens_of(behind))
                return

    def _consume(self, phase: Held, tokens: list[int]) -> None:
        self._fresh = False
        matcher = self._open(phase)
        if matcher.is_stopped():
            return
        if not matcher.consume_tokens(tokens):
            log.warning("an answer left its grammar: %s", matcher.get_error().partition("\n")[0])
        elif matcher.is_stopped():
            after = phase.leads_to.get(tokens[-1], phase.leads_to.get(None))
            if after is not None:
                self._enter(after)
