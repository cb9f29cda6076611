"""
One sequence from prompt to end, step by step. Knows the order of things; knows no mlx.

Prefill always stops at N-1 and the last prompt token is fed alone, cold or warm, so that a
restored prompt goes through the same computation as a computed one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np

from .errors import OutOfMemory, PromptTooLong
from .events import (
    Accepted,
    Finished,
    GenerationEvent,
    GenerationRequest,
    Progress,
    Token,
    Tokens,
)
from .prefix.cache import Match, PrefixCache
from .prefix.eviction import Owner
from .prefix.record_file import Damaged
from .prefix.tree import Buffer, Memory, State, common_prefix

Emit = Callable[[GenerationEvent], None]
Live = TypeVar("Live")
# Tokens of a prefill chunk when memory is short; below this, chunks cost more than they save.
smallest_step = 64


class Model(Protocol[Live, Memory, State]):
    """What the engine asks of a loaded model. `Live` is one sequence's cache in use."""

    @property
    def window(self) -> int: ...
    @property
    def end_tokens(self) -> frozenset[int]: ...
    @property
    def prefill_step(self) -> int: ...
    @property
    def any_position(self) -> bool:
        """Whether a sequence can be restored at every position."""
        ...

    def bytes_needed(self, tokens: int, step: int) -> int:
        """For so many more positions, computed so many at a time."""
        ...

    def bytes_free(self) -> int: ...
    def open(self, match: Match[Memory, State], capacity: int) -> Live:
        """A cache that holds the tokens of the match: the one it takes over, or one of its own."""
        ...

    def memory(self, live: Live) -> Memory:
        """Its attention keys and values: the same object from opening to closing."""
        ...

    def prefill(self, live: Live, tokens: Tokens) -> None: ...
    def state(self, live: Live) -> State:
        """A copy of the layers that cannot be cut to a position."""
        ...

    def begin(self, live: Live, request: GenerationRequest) -> None:
        """Feeds the last prompt token."""
        ...

    def next(self, lives: list[Live]) -> list[list[int]]:
        """The next tokens of each, mostly one; they have been fed when this returns."""
        ...

    def close(self, live: Live) -> None:
        """Ends the sequence; its memory stays."""
        ...

    def abandon(self, live: Live) -> None:
        """Ends it after a failure."""
        ...


class Sequence(Generic[Live, Memory, State]):
    """`prefill` until it returns True, then `decode` until it is among the done; then `close`."""

    def __init__(
        self,
        request: GenerationRequest,
        model: Model[Live, Memory, State],
        cache: PrefixCache[Memory, State],
        emit: Emit,
        on_kept: Callable[[Tokens], None] = lambda _: None,
    ) -> None:
        """`on_kept` is told of all tokens that were computed, when the sequence is closed."""
        self.request = request
        self.model = model
        self._cache = cache
        self._emit = emit
        self._on_kept = on_kept
        self._last = len(request.tokens) - 1
        self._generated: list[int] = []
        self._seconds = {"prefill": 0.0, "decode": 0.0}
        if len(request.tokens) >= model.window:
            raise PromptTooLong(len(request.tokens), model.window)
        self._step = model.prefill_step
        match, self.live = self._restored()
        self._position = self._start = match.length
        # Where others part from this prompt: known ones, and one that was just learned.
        self._boundaries = {*request.boundaries, match.matched}
        self._buffer = match.taken or Buffer(model.memory(self.live))
        emit(Accepted(len(request.tokens), match.length, match.miss))

    @property
    def remaining(self) -> int:
        """Prompt tokens still to be prefilled."""
        return self._last - self._position

    def is_ahead_of(self, tokens: Tokens) -> bool:
        """
        Whether it is about to compute more of these tokens than are known. Then it will stop where
        they part, so that whoever waits for it can go on from there.
        """
        shared = min(common_prefix(self.request.tokens, tokens), self._last, len(tokens) - 1)
        if shared <= max(self._position, self._cache.common(tokens)):
            return False
        self._boundaries.add(shared)
        return True

    def prefill(self, most: int | None = None) -> bool:
        """
        One chunk of at most so many tokens, up to the next position worth keeping. True when the
        prompt is done.
        """
        started = time.perf_counter()
        if self._position < self._last:
            stop = self._next_stop(most or self._step)
            self.model.prefill(self.live, self.request.tokens[self._position : stop])
            self._position = stop
            if stop == self._last or stop in self._boundaries:
                self._keep(self.request.tokens[:stop])
            self._emit(Progress(stop - self._start, self._last - self._start))
        done = self._position >= self._last
        if done and self.request.max_tokens == 0:
            self._finish("length", None)
        elif done:
            self.model.begin(self.live, self.request)
            self._position += 1
        self._seconds["prefill"] += time.perf_counter() - started
        return done

    def hear(self, tokens: list[int], seconds: float) -> bool:
        """The next tokens and how long they took. True when the answer is complete."""
        self._seconds["decode"] += seconds
        return any(self._hear(token) for token in tokens)

    def _hear(self, token: int) -> bool:
        self._generated.append(token)
        if token in self.model.end_tokens:
            self._finish("stop", token)
            return True
        self._emit(Token(token))
        if len(self._generated) < self.request.max_tokens:
            return False
        self._finish("length", None)
        return True

    def close(self) -> None:
        """Keeps what was computed, complete or not."""
        generated = np.array(self._generated, np.int32)
        fed = np.concatenate([self.request.tokens[: self._position], generated])
        self._keep(fed)
        self.model.close(self.live)
        self._buffer.in_use = False
        self._cache.make_room(0)
        self._on_kept(fed)

    def abandon(self) -> None:
        """After a failure, instead of closing: what is in its buffer is not to be trusted."""
        self._cache.withdraw(self._buffer)
        self.model.abandon(self.live)

    def _restored(self) -> tuple[Match[Memory, State], Live]:
        """What is known of the prompt. A record that turns out to be damaged is forgotten."""
        while True:
            try:
                match = self._cache.lookup(self.request.tokens)
                return match, self._opened(match)
            except Damaged as error:
                self._cache.forget(error.record)

    def _opened(self, match: Match[Memory, State]) -> Live:
        try:
            # A buffer that is taken over only grows.
            self._find_memory(self._capacity() - (match.length if match.taken else 0))
            return self.model.open(match, self._capacity())
        except BaseException:
            if match.taken:
                match.taken.in_use = False
            raise

    def _keep(self, fed: Tokens) -> None:
        """From now on a prompt that begins like this need not be prefilled."""
        if len(fed) == 0:
            return
        states = {} if self.model.any_position else {len(fed): self.model.state(self.live)}
        request = self.request
        owner = Owner(request.session, request.priority, request.instruction_tokens)
        self._cache.insert(fed, self._buffer, states, request.lasting, owner)

    def _finish(self, reason: Literal["stop", "length"], end_token: int | None) -> None:
        seconds = self._seconds
        self._emit(Finished(reason, end_token, seconds["prefill"], seconds["decode"]))

    def _find_memory(self, tokens: int) -> None:
        """Frees what is needed for so many more, or refuses."""
        needed = self.model.bytes_needed(tokens, self._step)
        missing = needed - self.model.bytes_free()
        if missing > 0:
            self._cache.make_room(self._cache.max_bytes - self._cache.nbytes + missing)
        while needed > self.model.bytes_free() and self._step > smallest_step:
            self._step = max(smallest_step, self._step // 2)
            needed = self.model.bytes_needed(tokens, self._step)
        if needed > self.model.bytes_free():
            raise OutOfMemory(
                f"Cannot take a prompt of {len(self.request.tokens)} tokens now: it needs "
                f"{needed >> 20} MiB, and {self.model.bytes_free() >> 20} MiB are free"
            )

    def _capacity(self) -> int:
        """Positions to prepare: growing later copies everything, spare rows are waste."""
        prompt = len(self.request.tokens)
        return prompt + min(self.request.max_tokens, max(256, prompt // 8))

    def _next_stop(self, most: int) -> int:
        ahead = (b for b in self._boundaries if self._position < b < self._last)
        return min(self._position + min(most, self._step), *ahead, self._last)


def decode(sequences: list[Sequence[Any, Any, Any]]) -> list[Sequence[Any, Any, Any]]:
    """One step of their model for all. Returns those that are complete."""
    started = time.perf_counter()
    model = sequences[0].model
    said = model.next([sequence.live for sequence in sequences])
    seconds = time.perf_counter() - started
    pairs = zip(sequences, said, strict=True)
    return [sequence for sequence, tokens in pairs if sequence.hear(tokens, seconds)]
