"""
What a record holds, as plain arrays and back. Beside `mlx_engine.py` and `mlx_loading.py` the only
importer of mlx; runs in the worker thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np

from .mlx_engine import Memory, State, arrays_in
from .store import Packed

# numpy has no bfloat16: every array goes as whole numbers of the same size.
whole_numbers = {1: mx.uint8, 2: mx.uint16, 4: mx.uint32, 8: mx.uint64}


def pack(memory: Memory, start: int, end: int, state: State | None) -> Packed:
    """Rows `start` to `end` and a state; the arrays are copies."""
    rows = {
        str(layer): [cache.keys[..., start:end, :], cache.values[..., start:end, :]]
        for layer, cache in memory.layers.items()
        if cache.keys is not None
    }
    states = None if state is None else {str(layer): kept for layer, kept in state.layers.items()}
    packed = Packed(None, [])
    about = [to_plain(rows, packed), to_plain(states, packed)]
    return Packed(about, packed.arrays)


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """Keys and values that become mlx arrays only when they are asked for, one at a time."""

    about: list[Any]
    packed: Packed

    @property
    def keys(self) -> mx.array:
        array: mx.array = from_plain(self.about[0], self.packed)
        return array

    @property
    def values(self) -> mx.array:
        array: mx.array = from_plain(self.about[1], self.packed)
        return array


def unpack(packed: Packed) -> tuple[Memory, State | None]:
    """Raises whatever a content that was never packed leads to."""
    rows, states = packed.about
    memory = Memory(
        {int(layer): StoredLayer(about["list"], packed) for layer, about in rows["named"].items()}
    )
    layers = from_plain(states, packed)
    if layers is None:
        return memory, None
    kept = {int(layer): state for layer, state in layers.items()}
    nbytes = sum(array.nbytes for state in kept.values() for array in arrays_in(state))
    return memory, State(kept, nbytes)


def to_plain(value: Any, packed: Packed) -> Any:
    """JSON, in which an array is its number and its type."""
    if isinstance(value, mx.array):
        plain = mx.contiguous(value).view(whole_numbers[value.dtype.size])
        packed.arrays.append(np.array(plain))
        return {"array": len(packed.arrays) - 1, "dtype": str(value.dtype).rpartition(".")[2]}
    if isinstance(value, dict):
        return {"named": {name: to_plain(item, packed) for name, item in value.items()}}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [to_plain(item, packed) for item in value]}
    return {"value": value}


def from_plain(about: Any, packed: Packed) -> Any:
    match about:
        case {"array": index, "dtype": dtype}:
            return mx.array(packed.arrays[index]).view(getattr(mx, dtype))
        case {"named": items}:
            return {name: from_plain(item, packed) for name, item in items.items()}
        case {"list": items}:
            return [from_plain(item, packed) for item in items]
        case {"tuple": items}:
            return tuple(from_plain(item, packed) for item in items)
    return about["value"]
