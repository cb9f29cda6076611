"""
The file of one record of computed prefixes: bytes and checksums. Knows nothing of mlx, of trees or
of the folder it lies in.

    magic, length of the header | header: JSON | tokens: int32 | arrays, one after the other

A file is complete or it has another name; damage is found when it is read.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ..events import Tokens

magic = b"anyclaude prefix 1\n"
Array = npt.NDArray[Any]
# A header is a few KB: a length far beyond that is damage.
max_header_bytes = 1 << 24


class Damaged(Exception):
    """The file of this record is not what was written."""

    def __init__(self, why: str, record: Record) -> None:
        super().__init__(why)
        self.record = record


@dataclass(frozen=True, slots=True)
class Packed:
    """Anything as plain arrays; `about` says in JSON how they belong together."""

    about: Any
    arrays: list[Array]

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays)


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    """Empty for what stands at the start of a prompt."""
    before: str
    start: int
    end: int
    has_state: bool
    nbytes: int


@dataclass(frozen=True, slots=True)
class StoredArray:
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int
    sums: list[int]

    @property
    def nbytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class Stored:
    """A record whose arrays are still on disk. Whatever is read is checked; raises Damaged."""

    record: Record
    path: Path
    about: Any
    _arrays: tuple[StoredArray, ...]

    @property
    def arrays(self) -> list[Array]:
        return [self.array(index) for index in range(len(self._arrays))]

    def shape(self, index: int) -> tuple[int, ...]:
        return self._arrays[index].shape

    def array(self, index: int) -> Array:
        known = self._arrays[index]
        content = np.empty(known.shape, known.dtype)
        self._read(index, parts_of(content))
        return content

    def read_rows(self, index: int, start: int, end: int, target: Array) -> None:
        """Rows of an array of shape (1, heads, rows, width) to `target`: (heads, rows, width)."""
        if (start, end) == (0, self.shape(index)[2]):
            self._read(index, list(target))
        else:
            target[...] = self.array(index)[0, :, start:end]

    def _read(self, index: int, parts: list[Array]) -> None:
        """
        The array in parts, each contiguous. Each is checked right behind its reading, while it is
        in the processor's cache.
        """
        known = self._arrays[index]
        sums = Sums()
        try:
            with open(self.path, "rb", buffering=0) as file:
                file.seek(known.offset)
                for part in parts:
                    view = part.reshape(-1).view(np.uint8).data
                    while view:
                        count = file.readinto(view)
                        if not count:
                            raise Damaged(f"{self.record.name} is cut off", self.record)
                        view = view[count:]
                    sums.add(part)
        except OSError as error:
            raise Damaged(str(error), self.record) from error
        if sums.totals != known.sums:
            raise Damaged(f"{self.record.name} has other bytes than were written", self.record)


def write_record(path: Path, record: Record, tokens: Tokens, packed: Packed) -> Record:
    """With its size. Raises OSError."""
    arrays = [np.ascontiguousarray(array) for array in packed.arrays]
    header = json.dumps(
        {
            "before": record.before,
            "start": record.start,
            "end": record.end,
            "has_state": record.has_state,
            "about": packed.about,
            "arrays": [[array.dtype.str, array.shape] for array in arrays],
            "sums": [checksum(array) for array in [tokens, *arrays]],
        }
    ).encode()
    with replacing(path) as file:
        file.write(magic + len(header).to_bytes(4, "little"))
        file.write(zlib.crc32(header).to_bytes(4, "little") + header)
        for array in [tokens, *arrays]:
            file.write(array.data if array.size else b"")
    return replace(record, nbytes=path.stat().st_size)


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The header and where it ends. Raises OSError, ValueError."""
    with open(path, "rb") as file:
        start = file.read(len(magic) + 8)
        length = int.from_bytes(start[len(magic) : len(magic) + 4], "little")
        if not start.startswith(magic) or length > max_header_bytes:
            raise ValueError("it is no record of this version")
        text = file.read(length)
    if zlib.crc32(text) != int.from_bytes(start[-4:], "little") or len(text) != length:
        raise ValueError("its header is not what was written")
    return json.loads(text), len(start) + length


class Sums:
    """
    Sum and exclusive or of the 64-bit words of everything that is added, each part filled up with
    zeros: any one flipped bit changes both. At 13 GB/s where zlib's CRC takes 2.4, it costs less
    than the reading (measured on two x86-64 cores).
    """

    def __init__(self) -> None:
        self.totals = [0, 0]

    def add(self, part: Array) -> None:
        content = np.ascontiguousarray(part).reshape(-1).view(np.uint8)
        whole = len(content) // 8 * 8
        words = content[:whole].view(np.uint64)
        rest = int.from_bytes(content[whole:].tobytes(), "little")
        total, parity = self.totals
        total = (total + int(np.add.reduce(words, dtype=np.uint64)) + rest) % (1 << 64)
        self.totals = [total, parity ^ int(np.bitwise_xor.reduce(words)) ^ rest]


def checksum(array: Array) -> list[int]:
    sums = Sums()
    for part in parts_of(array):
        sums.add(part)
    return sums.totals


def parts_of(array: Array) -> list[Array]:
    """As they are read and checked: the heads of an array of shape (1, heads, rows, width)."""
    return list(array[0]) if array.ndim == 4 and len(array) == 1 else [array]


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file for its owner alone that takes this place when it is complete, and not before."""
    unfinished = path.with_suffix(f".{os.getpid()}")
    try:
        with open(unfinished, "wb", opener=private) as file:
            yield file
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
