"""
The only file that imports mlx and mlx_lm. Knows cache classes, devices and dtypes; knows nothing
of requests, prefixes or HTTP.

Layers are of two kinds. Plain attention (`KVCache`) can be cut at any position, so one buffer
serves every prefix of a sequence: its `Memory`. All others (windowed, recurrent, unknown) are
restored only from a copy made at exactly that position: the `State`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import mlx.core as mx
from mlx_lm.models.cache import ArraysCache, KVCache, RotatingKVCache, make_prompt_cache

from . import mlx_batch
from .events import Sampling, Tokens
from .mlx_device import free_bytes, is_cpu
from .prefix import Match, Piece

# KVCache grows by copying everything each time, so spare rows are prepared in steps of this.
row_step = 256
windowed_cpu_prefill_step = 256
cpu_prefill_step = 512
gpu_prefill_step = 2048
# What a chunk needs besides the cache: activations of one layer, estimated generously.
activation_bytes_per_token = 1 << 16


class Layer(Protocol):
    """Keys and values with shape (1, heads, rows, width), maybe with spare rows at the end."""

    @property
    def keys(self) -> Any: ...
    @property
    def values(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Memory:
    """
    The plain attention layers of one sequence, by layer index. The caches themselves, because an
    array that somebody else holds too is copied whole when it is appended to.
    """

    layers: Mapping[int, Layer]

    @property
    def nbytes(self) -> int:
        return sum(
            cache.keys.nbytes + cache.values.nbytes
            for cache in self.layers.values()
            if cache.keys is not None
        )

    def cut(self, start: int, end: int) -> Memory:
        """Layer by layer, so that little memory is needed at once."""
        return Memory({layer: _cut(cache, start, end) for layer, cache in self.layers.items()})


@dataclass(frozen=True, slots=True)
class State:
    """The `state` of each other layer, by layer index; the arrays are nobody else's."""

    layers: dict[int, Any]
    nbytes: int


@dataclass(eq=False, slots=True)
class Live:
    """One sequence's caches; `rows` are prepared in each plain attention layer."""

    caches: list[Any]
    rows: int
    sampling: Sampling = Sampling()
    pending: mx.array | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """
    Sequences that decode in one step, for as long as they are the same. Their
    recurrent states are here; `_part` gives them back.
    """

    lives: list[Live]
    caches: list[Any]
    sample: mlx_batch.Sampler


class MlxModel:
    def __init__(self, model: Any, *, window: int, end_tokens: frozenset[int]) -> None:
        self._model = model
        self.window = window
        self.end_tokens = end_tokens
        self._fresh = make_prompt_cache(model)
        self._plain = [i for i, cache in enumerate(self._fresh) if type(cache) is KVCache]
        self._other = [i for i in range(len(self._fresh)) if i not in self._plain]
        self.any_position = not self._other
        self.on_cpu = is_cpu()
        self.prefill_step = self._prefill_step()
        self._bytes_per_token = 0
        self._batch: Batch | None = None
        mlx_batch.teach_attention()
        self.decodes_together = mlx_batch.can_batch(model, lambda: make_prompt_cache(model))

    @property
    def cache_classes(self) -> list[str]:
        return [type(cache).__name__ for cache in self._fresh]

    def bytes_needed(self, tokens: int, step: int) -> int:
        return tokens * self._bytes_per_token + step * activation_bytes_per_token

    def bytes_free(self) -> int:
        return free_bytes()

    def open(self, match: Match[Memory, State], capacity: int) -> Live:
        """Rows are copied only where the match does not take a buffer over."""
        caches = make_prompt_cache(self._model)
        live = Live(caches, rows=-(-(max(capacity, match.length) + 1) // row_step) * row_step)
        if match.taken:
            for layer, cache in match.taken.memory.layers.items():
                caches[layer] = cache
                caches[layer].offset = match.length
        elif match.length:
            for layer in self._plain:
                caches[layer].state = _joined(match.pieces, layer, live.rows)
        if match.state is not None:
            for layer, state in match.state.layers.items():
                caches[layer].state = _copied(state)
        mx.eval([cache.state for cache in caches])
        if match.length:
            self._make_room(live)
        return live

    def memory(self, live: Live) -> Memory:
        return Memory({layer: live.caches[layer] for layer in self._plain})

    def prefill(self, live: Live, tokens: Tokens) -> None:
        """Evaluates the caches alone: logits nobody reads would cost two to four times as much."""
        self._model(mx.array(tokens)[None], cache=live.caches)
        mx.eval([cache.state for cache in live.caches])
        self._make_room(live)

    def state(self, live: Live) -> State:
        self._part(live)
        layers = {layer: _snapshot(live.caches[layer]) for layer in self._other}
        arrays = [array for state in layers.values() for array in arrays_in(state)]
        mx.eval(arrays)
        return State(layers, sum(array.nbytes for array in arrays))

    def begin(self, live: Live, token: int, sampling: Sampling) -> None:
        if sampling.seed is not None:
            mx.random.seed(sampling.seed)
        live.sampling = sampling
        live.pending = self._step(live.caches, mx.array([token]), mlx_batch.to_sampler([sampling]))
        mx.async_eval(live.pending)  # type: ignore[no-untyped-call]

    def next(self, lives: list[Live]) -> list[int]:
        """One step ahead: the next tokens are being computed while these are read."""
        for live in lives:
            if self._plain and live.caches[self._plain[0]].offset >= live.rows:
                live.rows += max(row_step, live.rows // 8)
                self._make_room(live)
        if len(lives) > 1 and not self.decodes_together:
            return [token for live in lives for token in self.next([live])]
        batch = self._batch_of(lives)
        pending = mx.concatenate([live.pending for live in lives])  # type: ignore[misc]
        following = self._step(batch.caches, pending, batch.sample)
        mx.async_eval(following)  # type: ignore[no-untyped-call]
        for row, live in enumerate(lives):
            live.pending = following[row : row + 1]
        tokens: list[int] = pending.tolist()  # type: ignore[assignment]
        return tokens

    def close(self, live: Live) -> None:
        self._part(live)
        live.pending = None

    def _batch_of(self, lives: list[Live]) -> Batch:
        if self._batch is None or self._batch.lives != lives:
            for live in lives:
                self._part(live)
            caches = [live.caches for live in lives]
            joined = caches[0] if len(lives) == 1 else mlx_batch.side_by_side(caches)
            sample = mlx_batch.to_sampler([live.sampling for live in lives])
            self._batch = Batch(list(lives), joined, sample)
        return self._batch

    def _part(self, live: Live) -> None:
        """Ends the batch that it is in."""
        if self._batch and live in self._batch.lives:
            if len(self._batch.lives) > 1:
                mlx_batch.give_back(self._batch.caches, [one.caches for one in self._batch.lives])
            self._batch = None

    def _make_room(self, live: Live) -> None:
        """Spare rows in every layer: appending writes in place, growing copies everything."""
        for layer in self._plain:
            cache = live.caches[layer]
            if cache.keys.shape[2] >= live.rows:
                continue
            cache.keys, cache.values = (
                _with_room(rows, cache.offset, live.rows) for rows in (cache.keys, cache.values)
            )
            mx.eval(cache.keys, cache.values)
        caches = [live.caches[layer] for layer in self._plain]
        self._bytes_per_token = sum(
            (cache.keys.nbytes + cache.values.nbytes) // cache.keys.shape[2] for cache in caches
        )

    def _step(self, caches: list[Any], tokens: mx.array, sample: mlx_batch.Sampler) -> mx.array:
        """The tokens that follow; one of each sequence, shape (sequences,)."""
        logits = self._model(tokens[:, None], cache=caches)[:, -1, :]
        return sample(logits.astype(mx.float32))

    def _prefill_step(self) -> int:
        if not self.on_cpu:
            return gpu_prefill_step
        windowed = any(isinstance(cache, RotatingKVCache) for cache in self._fresh)
        return windowed_cpu_prefill_step if windowed else cpu_prefill_step


def _cut(cache: Layer, start: int, end: int) -> Layer:
    if cache.keys is None or (start == 0 and end == cache.keys.shape[2]):
        return cache
    keys, values = (mx.contiguous(rows[..., start:end, :]) for rows in (cache.keys, cache.values))
    mx.eval(keys, values)
    cut: Any = KVCache()
    cut.state = (keys, values, end - start)
    own: Layer = cut
    return own


def _joined(pieces: tuple[Piece[Memory], ...], layer: int, capacity: int) -> Any:
    """The rows of all pieces with room behind them, in arrays of their own."""
    length = sum(piece.end - piece.start for piece in pieces)
    joined = []
    for name in ("keys", "values"):
        parts = [
            getattr(piece.memory.layers[layer], name)[..., piece.start : piece.end, :]
            for piece in pieces
        ]
        batch, heads, _, width = parts[0].shape
        spare = mx.zeros((batch, heads, max(capacity - length, 0), width), parts[0].dtype)
        joined.append(mx.concatenate([*parts, spare], axis=2))
        # One at a time: what was read for it is free again before the next.
        mx.eval(joined[-1])
        del parts, spare
    return (*joined, length)


def _with_room(rows: mx.array, length: int, capacity: int) -> mx.array:
    batch, heads, _, width = rows.shape
    spare = mx.zeros((batch, heads, max(capacity - length, 0), width), rows.dtype)
    return mx.concatenate([rows[..., :length, :], spare], axis=2)


def _snapshot(cache: Any) -> Any:
    if isinstance(cache, RotatingKVCache):
        return _rotating_snapshot(cache)
    if isinstance(cache, ArraysCache):
        arrays, padding, lengths = cache.state
        return (list(arrays), padding, lengths)  # replaced at every step, never written
    return _copied(cache.state)


def _rotating_snapshot(cache: RotatingKVCache) -> Any:
    """In temporal order, the last `max_size` rows: exact, and smaller than after a chunk."""
    keys, values, offset, keep, max_size, _ = cache.state
    if keys is None or keep:
        return _copied(cache.state)
    keys, values = (cache._temporal_order(rows)[..., -max_size:, :] for rows in (keys, values))
    return (mx.contiguous(keys), mx.contiguous(values), offset, keep, max_size, keys.shape[2])


def _copied(state: Any) -> Any:
    """The same structure with arrays of its own: appending writes in place."""
    if isinstance(state, mx.array):
        return mx.array(state)
    if isinstance(state, (list, tuple)):
        return type(state)(_copied(item) for item in state)
    return state


def arrays_in(state: Any) -> list[mx.array]:
    if isinstance(state, mx.array):
        return [state]
    if isinstance(state, (list, tuple)):
        return [array for item in state for array in arrays_in(item)]
    return []
