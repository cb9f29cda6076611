"""
What a record holds, as plain arrays and back. Beside `mlx_engine.py` and `mlx_loading.py` the only
importer of mlx; runs in the worker thread.
"""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import numpy as np
from mlx_lm.models.cache import KVCache

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


def unpack(packed: Packed) -> tuple[Memory, State | None]:
    """Raises whatever a content that was never packed leads to."""
    rows, states = (from_plain(about, packed) for about in packed.about)
    layers = {}
    for layer, (keys, values) in rows.items():
        layers[int(layer)] = cache = KVCache()
        cache.state = (keys, values, keys.shape[2])
    if states is None:
        return Memory(layers), None
    kept = {int(layer): state for layer, state in states.items()}
    nbytes = sum(array.nbytes for state in kept.values() for array in arrays_in(state))
    return Memory(layers), State(kept, nbytes)


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
