"""
One token after the other: for one sequence, for several in one step, with drafts and with masks.
Imports mlx; knows caches only as something that a model appends to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np

from ..events import Guide, Sampling
from ..speculation import Speculation, draft_tokens
from .batch import Sampler, give_back, side_by_side, to_sampler
from .memory import is_plain, make_room

# KVCache grows by copying everything each time, so spare rows are prepared in steps of this.
row_step = 256

Feed = Callable[[mx.array, list[Any]], mx.array]
"""Tokens of shape (sequences, tokens) and a cache for each layer → logits, one row for each."""


@dataclass(eq=False, slots=True)
class Live:
    """
    One sequence's caches; `rows` are prepared in each plain attention layer. `pending` is the token
    that comes next, maybe still being computed. `speculation` is None where nothing can be taken
    back.
    """

    caches: list[Any]
    rows: int
    sampling: Sampling = Sampling()
    guide: Guide | None = None
    speculation: Speculation | None = None
    pending: mx.array | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """
    Sequences that decode in one step, for as long as they are the same. Their recurrent states are
    here; `part` gives them back.
    """

    lives: list[Live]
    caches: list[Any]
    sample: Sampler


class Decoder:
    def __init__(self, feed: Feed, *, together: bool) -> None:
        """`together`: whether the model can take several sequences in one step."""
        self._feed = feed
        self._together = together
        self._batch: Batch | None = None

    def begin(self, live: Live, token: int) -> None:
        """Feeds the last prompt token."""
        if live.sampling.seed is not None:
            mx.random.seed(live.sampling.seed)
        logits = self._logits(live.caches, mx.array([[token]]))[:, -1]
        live.pending = to_sampler([live.sampling])(logits)
        self._constrain(live, logits)
        mx.async_eval(live.pending)  # type: ignore[no-untyped-call]

    def next(self, lives: list[Live]) -> list[list[int]]:
        """The next tokens of each, mostly one; they have been fed when this returns."""
        if len(lives) == 1 and speculates(lives[0]):
            return [self._try_draft(lives[0])]
        if len(lives) > 1 and not self._together:
            return [tokens for live in lives for tokens in self.next([live])]
        return [[token] for token in self._one_of_each(lives)]

    def part(self, live: Live) -> None:
        """Ends the batch that it is in."""
        if self._batch and live in self._batch.lives:
            if len(self._batch.lives) > 1:
                give_back(self._batch.caches, [one.caches for one in self._batch.lives])
            self._batch = None

    def forget(self) -> None:
        """After a failed step: whoever goes on is put together anew, from its own caches."""
        self._batch = None

    def _one_of_each(self, lives: list[Live]) -> list[int]:
        """One step ahead: the next tokens are being computed while these are read."""
        started = time.perf_counter()
        for live in lives:
            prepare_rows(live, 1)
        batch = self._batch_of(lives)
        pending = mx.concatenate([live.pending for live in lives])  # type: ignore[misc]
        logits = self._logits(batch.caches, pending[:, None])[:, -1]
        following = batch.sample(logits)
        mx.async_eval(following)  # type: ignore[no-untyped-call]
        tokens: list[int] = pending.tolist()  # type: ignore[assignment]
        seconds = time.perf_counter() - started
        for row, (live, token) in enumerate(zip(lives, tokens, strict=True)):
            live.pending = following[row : row + 1]
            if live.guide:
                live.guide.hear(token)
                self._constrain(live, logits[row : row + 1])
            if live.speculation:
                live.speculation.hear([token])
                if len(lives) == 1:
                    live.speculation.took(seconds, drafted=False)
        return tokens

    def _try_draft(self, live: Live) -> list[int]:
        """One step over the next token and a draft of what follows; keeps what it would say."""
        assert live.speculation is not None
        assert live.pending is not None
        self.part(live)
        started = time.perf_counter()
        token: int = live.pending.item()  # type: ignore[assignment]
        live.speculation.hear([token])
        draft = live.speculation.draft()
        prepare_rows(live, 1 + len(draft))
        said = mx.argmax(self._logits(live.caches, mx.array([[token, *draft]]))[0], axis=-1)
        tokens: list[int] = said.tolist()  # type: ignore[assignment]
        right = next((i for i, each in enumerate(draft) if tokens[i] != each), len(draft))
        for cache in live.caches:
            cache.trim(len(draft) - right)
        live.pending = said[right : right + 1]
        live.speculation.hear(draft[:right])
        if draft:
            live.speculation.took(time.perf_counter() - started, drafted=True)
        return [token, *draft[:right]]

    def _constrain(self, live: Live, logits: mx.array) -> None:
        """Chooses the pending token again where not every one may follow."""
        mask = live.guide.mask() if live.guide else None
        if mask is None:
            return
        bits = np.unpackbits(mask.view(np.uint8), bitorder="little")[: logits.shape[-1]]
        allowed = mx.array(bits.astype(bool))[None]
        live.pending = to_sampler([live.sampling])(mx.where(allowed, logits, -mx.inf))
        mx.async_eval(live.pending)  # type: ignore[no-untyped-call]

    def _logits(self, caches: list[Any], tokens: mx.array) -> mx.array:
        return self._feed(tokens, caches).astype(mx.float32)

    def _batch_of(self, lives: list[Live]) -> Batch:
        if self._batch is None or self._batch.lives != lives:
            for live in lives:
                self.part(live)
            caches = [live.caches for live in lives]
            joined = caches[0] if len(lives) == 1 else side_by_side(caches)
            sample = to_sampler([live.sampling for live in lives])
            self._batch = Batch(list(lives), joined, sample)
        return self._batch


def speculates(live: Live) -> bool:
    """Drafts are for greedy answers that are free to say anything."""
    return (
        live.speculation is not None
        and live.guide is None
        and live.sampling.temperature <= 0
        and live.speculation.pays
    )


def prepare_rows(live: Live, more: int) -> None:
    """Room for so many more in every layer that grows."""
    plain = [cache for cache in live.caches if is_plain(cache)]
    if plain and plain[0].offset + more > live.rows:
        live.rows += max(row_step, live.rows // 8, draft_tokens)
        for cache in plain:
            make_room(cache, live.rows)
