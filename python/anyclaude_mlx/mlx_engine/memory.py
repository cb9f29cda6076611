"""
What one sequence leaves behind, and how another goes on from it: rows of attention, states of all
other layers. Imports mlx and mlx_lm; knows nothing of requests.

An array that somebody else holds too is copied whole when it is appended to. So caches are handed
on as they are, and everything that is kept beside them is a copy of its own.
"""

from __future__ import annotations

import copy
import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import mlx.core as mx
import numpy as np
import numpy.typing as npt
from mlx_lm.models.cache import ArraysCache, KVCache, QuantizedKVCache, RotatingKVCache

from ..prefix.cache import Piece

# numpy has no bfloat16: every array is read and written as whole numbers of the same size.
whole_numbers = {1: mx.uint8, 2: mx.uint16, 4: mx.uint32, 8: mx.uint64}


class Stored(Protocol):
    """The rows of one layer that are on disk."""

    @property
    def kinds(self) -> Sequence[tuple[int, int, mx.Dtype]]:
        """Heads, width and type of each array."""
        ...

    @property
    def nbytes(self) -> int: ...
    def read(self, index: int, start: int, end: int, target: npt.NDArray[Any]) -> None:
        """Writes rows of one array to `target`, shape (heads, rows, width). Raises Damaged."""
        ...


@dataclass(frozen=True, slots=True)
class Attention:
    """
    The rows of one layer as its cache has them: arrays of shape (1, heads, rows, width), maybe with
    spare rows at the end. The cache itself, because it may be in use.
    """

    cache: Any

    @property
    def arrays(self) -> list[mx.array]:
        return arrays_of(self.cache)

    @property
    def kinds(self) -> Sequence[tuple[int, int, mx.Dtype]]:
        return [(array.shape[1], array.shape[3], array.dtype) for array in self.arrays]

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays)

    def cut(self, start: int, end: int) -> Attention:
        arrays = self.arrays
        if not arrays or (start == 0 and end == arrays[0].shape[2]):
            return self
        cut = [mx.contiguous(array[..., start:end, :]) for array in arrays]
        mx.eval(cut)
        alone = copy.copy(self.cache)
        give(alone, cut, end - start)
        return Attention(alone)


@dataclass(frozen=True, slots=True)
class Memory:
    """The plain attention layers of one sequence, by layer index."""

    layers: Mapping[int, Attention | Stored]

    @property
    def nbytes(self) -> int:
        return sum(layer.nbytes for layer in self.layers.values())

    def cut(self, start: int, end: int) -> Memory:
        """Layer by layer, so that little memory is needed at once. What is on disk stays there."""
        return Memory(
            {
                index: layer.cut(start, end) if isinstance(layer, Attention) else layer
                for index, layer in self.layers.items()
            }
        )


@dataclass(frozen=True, slots=True)
class State:
    """The `state` of each other layer, by layer index; the arrays are nobody else's."""

    layers: dict[int, Any]
    nbytes: int


def is_plain(cache: Any) -> bool:
    """Whether it can be cut at any position. Of a class derived from these nobody knows."""
    return type(cache) in (KVCache, QuantizedKVCache)


def arrays_of(cache: Any) -> list[mx.array]:
    """Keys and values; with quantised ones each are three arrays."""
    if cache.keys is None:
        return []
    if isinstance(cache, QuantizedKVCache):
        return [*cache.keys, *cache.values]
    return [cache.keys, cache.values]


def give(cache: Any, arrays: Sequence[mx.array], length: int) -> None:
    """Its rows from now on, of which `length` are filled."""
    half = len(arrays) // 2
    if isinstance(cache, QuantizedKVCache):
        cache.keys, cache.values = tuple(arrays[:half]), tuple(arrays[half:])
    else:
        cache.keys, cache.values = arrays
    cache.offset = length


def restore(pieces: Sequence[Piece[Memory]], caches: Mapping[int, Any], capacity: int) -> None:
    """
    The rows of all pieces in arrays of the caches' own, with room for `capacity`. What is on disk
    is read straight to where it belongs, by threads that never call mlx. Raises Damaged.
    """
    length = sum(piece.end - piece.start for piece in pieces)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1), "prefix-reader") as readers:
        reads: list[Future[None]] = []
        for layer, cache in caches.items():
            arrays = []
            for index in range(len(pieces[0].memory.layers[layer].kinds)):
                arrays.append(_joined(pieces, layer, index, capacity))
                wanted = _reads(pieces, layer, index, arrays[-1])
                reads += [readers.submit(read) for read in wanted]
            give(cache, arrays, length)
        for read in reads:
            read.result()


def _joined(pieces: Sequence[Piece[Memory]], layer: int, index: int, capacity: int) -> mx.array:
    """One array of one layer, with zeros where something is still to be read."""
    heads, width, dtype = pieces[0].memory.layers[layer].kinds[index]
    resident = [piece.memory.layers[layer] for piece in pieces]
    rows = [piece.end - piece.start for piece in pieces]
    spare = max(capacity - sum(rows), 0)
    if any(isinstance(source, Attention) for source in resident):
        parts = [
            source.arrays[index][..., piece.start : piece.end, :]
            if isinstance(source, Attention)
            else mx.zeros((1, heads, piece.end - piece.start, width), dtype)
            for source, piece in zip(resident, pieces, strict=True)
        ]
        whole = mx.concatenate([*parts, mx.zeros((1, heads, spare, width), dtype)], axis=2)
    else:
        whole = mx.zeros((1, heads, sum(rows) + spare, width), dtype)
    # One at a time: what was needed for it is free again before the next.
    mx.eval(whole)
    return whole


def _reads(
    pieces: Sequence[Piece[Memory]], layer: int, index: int, whole: mx.array
) -> Iterator[Callable[[], None]]:
    """What fills in the rows that are on disk."""
    at = 0
    for piece in pieces:
        source, count = piece.memory.layers[layer], piece.end - piece.start
        if not isinstance(source, Attention):
            target = _plain_view(whole)[0, :, at : at + count]
            yield functools.partial(source.read, index, piece.start, piece.end, target)
        at += count


def _plain_view(array: mx.array) -> npt.NDArray[Any]:
    """The memory of an evaluated array itself, as whole numbers."""
    plain = array.view(whole_numbers[array.dtype.size])
    mx.eval(plain)
    return np.array(plain, copy=False)


def make_room(cache: Any, rows: int) -> None:
    """Spare rows: appending writes in place, growing copies everything."""
    arrays = arrays_of(cache)
    if not arrays or arrays[0].shape[2] >= rows:
        return
    grown = [_with_room(array, cache.offset, rows) for array in arrays]
    mx.eval(grown)
    give(cache, grown, cache.offset)


def _with_room(rows: mx.array, length: int, capacity: int) -> mx.array:
    batch, heads, _, width = rows.shape
    spare = mx.zeros((batch, heads, max(capacity - length, 0), width), rows.dtype)
    return mx.concatenate([rows[..., :length, :], spare], axis=2)


def snapshot(cache: Any) -> Any:
    """The state of a layer that cannot be cut to a position; not yet evaluated."""
    if isinstance(cache, RotatingKVCache):
        return _rotating_snapshot(cache)
    if isinstance(cache, ArraysCache):
        arrays, padding, lengths = cache.state
        return (list(arrays), padding, lengths)  # replaced at every step, never written
    return copied(cache.state)


def _rotating_snapshot(cache: RotatingKVCache) -> Any:
    """In temporal order, the last `max_size` rows: exact, and smaller than after a chunk."""
    keys, values, offset, keep, max_size, _ = cache.state
    if keys is None or keep:
        return copied(cache.state)
    keys, values = (cache._temporal_order(rows)[..., -max_size:, :] for rows in (keys, values))
    return (mx.contiguous(keys), mx.contiguous(values), offset, keep, max_size, keys.shape[2])


def copied(state: Any) -> Any:
    """The same structure with arrays of its own: appending writes in place."""
    if isinstance(state, mx.array):
        return mx.array(state)
    if isinstance(state, (list, tuple)):
        return type(state)(copied(item) for item in state)
    return state


def arrays_in(state: Any) -> list[mx.array]:
    if isinstance(state, mx.array):
        return [state]
    if isinstance(state, (list, tuple)):
        return [array for item in state for array in arrays_in(item)]
    return []
