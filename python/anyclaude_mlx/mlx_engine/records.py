"""
What a record holds, as plain arrays and back. Imports mlx; runs in the worker thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from ..prefix.record_file import Packed, Stored
from .memory import Attention, Memory, State, arrays_in, whole_numbers


def pack(memory: Memory, start: int, end: int, state: State | None) -> Packed:
    """Rows `start` to `end` and a state; the arrays are copies."""
    rows = {
        str(index): [array[..., start:end, :] for array in layer.arrays]
        for index, layer in memory.layers.items()
        if isinstance(layer, Attention)
    }
    states = None if state is None else {str(layer): kept for layer, kept in state.layers.items()}
    packed = Packed(None, [])
    about = [to_plain(rows, packed), to_plain(states, packed)]
    return Packed(about, packed.arrays)


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """Rows that are read when they are wanted, to where they are wanted."""

    about: list[Any]
    stored: Stored

    @property
    def kinds(self) -> Sequence[tuple[int, int, mx.Dtype]]:
        shapes = [self.stored.shape(each["array"]) for each in self.about]
        types = [getattr(mx, each["dtype"]) for each in self.about]
        return [
            (heads, width, dtype) for (_, heads, _, width), dtype in zip(shapes, types, strict=True)
        ]

    @property
    def nbytes(self) -> int:
        return 0

    def read(self, index: int, start: int, end: int, target: npt.NDArray[Any]) -> None:
        self.stored.read_rows(self.about[index]["array"], start, end, target)


def unpack(stored: Stored) -> tuple[Memory, State | None]:
    """Raises whatever a content that was never packed leads to."""
    rows, states = stored.about
    memory = Memory(
        {int(layer): StoredLayer(about["list"], stored) for layer, about in rows["named"].items()}
    )
    layers = from_plain(states, stored)
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


def from_plain(about: Any, stored: Stored) -> Any:
    match about:
        case {"array": index, "dtype": dtype}:
            return mx.array(stored.array(index)).view(getattr(mx, dtype))
        case {"named": items}:
            return {name: from_plain(item, stored) for name, item in items.items()}
        case {"list": items}:
            return [from_plain(item, stored) for item in items]
        case {"tuple": items}:
            return tuple(from_plain(item, stored) for item in items)
    return about["value"]
