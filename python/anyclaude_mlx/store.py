"""
Records of computed prefixes on disk. Knows files, bytes and checksums; nothing of mlx, of trees or
of who wants a record.

A record holds the stretch of tokens from `start` to `end`, what was computed for it, and the name
of the record before it. Its name is the hash of all tokens up to its end, so that writing the same
twice is the same file. A file is complete or it has another name; damage is found when it is read.

    magic, length of the header | header: JSON | tokens: int32 | arrays, one after the other
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .events import Tokens

magic = b"anyclaude prefix 1\n"
Array = npt.NDArray[Any]
# A header is a few KB: a length far beyond that is damage.
max_header_bytes = 1 << 24


class Damaged(Exception):
    """The file is not what was written."""


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


class Store:
    """Of one model in one build: records of others lie in other folders."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self.max_bytes = max_bytes
        self.nbytes = 0
        self.damaged = 0

    def scan(self) -> list[tuple[Record, Tokens]]:
        """All records that can be used, each behind the one before it; others are removed."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = {record.name: (record, tokens) for record, tokens in self._headers()}
        usable: dict[str, tuple[Record, Tokens]] = {}
        for record, tokens in sorted(found.values(), key=lambda each: each[0].start):
            before, _ = usable.get(record.before, (None, None))
            follows = before is not None and before.start <= record.start <= before.end
            if follows or (record.start == 0 and not record.before):
                usable[record.name] = (record, tokens)
            else:
                self.remove(record)
        self.nbytes = sum(record.nbytes for record, _ in usable.values())
        return list(usable.values())

    def write(self, record: Record, tokens: Tokens, packed: Packed) -> Record:
        """May run in a thread of its own. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(record.name)
        unfinished = path.with_suffix(f".{os.getpid()}")
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
        try:
            with open(unfinished, "wb", opener=private) as file:
                file.write(magic + len(header).to_bytes(4, "little"))
                file.write(zlib.crc32(header).to_bytes(4, "little") + header)
                for array in [tokens, *arrays]:
                    file.write(array.data if array.size else b"")
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
        written = path.stat().st_size
        return Record(
            record.name, record.before, record.start, record.end, record.has_state, written
        )

    def read(self, record: Record) -> Packed:
        """Raises Damaged, also when the file is gone."""
        try:
            path = self._path(record.name)
            header, offset = read_header(path)
            content = np.memmap(path, np.uint8, "r", offset)
        except (OSError, ValueError) as error:
            raise Damaged(str(error)) from error
        kinds = [["<i4", [record.end - record.start]], *header["arrays"]]
        arrays = []
        at = 0
        for (dtype, shape), known in zip(kinds, header["sums"], strict=True):
            nbytes = np.dtype(dtype).itemsize * int(np.prod(shape))
            if at + nbytes > len(content):
                raise Damaged(f"{record.name} is cut off")
            array = content[at : at + nbytes].view(dtype).reshape(shape)
            if checksum(array) != known:
                raise Damaged(f"{record.name} has other bytes than were written")
            arrays.append(array)
            at += nbytes
        os.utime(path)
        return Packed(header["about"], arrays[1:])

    def remove(self, record: Record) -> None:
        self._path(record.name).unlink(missing_ok=True)
        self.nbytes -= record.nbytes

    def touch(self, record: Record) -> None:
        """It was used: others go first."""
        try:
            os.utime(self._path(record.name))
        except OSError:
            return  # it is gone; whoever reads it will notice

    def used_at(self, record: Record) -> float:
        """When it was written or read last; 0 when it is gone."""
        try:
            return self._path(record.name).stat().st_mtime
        except OSError:
            return 0.0

    def _headers(self) -> Iterator[tuple[Record, Tokens]]:
        for path in self._folder.iterdir():
            if path.suffix[1:].isdigit():
                path.unlink(missing_ok=True)  # left by a process that was killed
            if path.suffix != ".kv":
                continue
            try:
                header, offset = read_header(path)
                count = header["end"] - header["start"]
                tokens = np.fromfile(path, np.int32, count, offset=offset)
                if len(tokens) != count or checksum(tokens) != header["sums"][0]:
                    raise Damaged("its tokens are not what was written")
                yield (
                    Record(
                        path.stem,
                        header["before"],
                        header["start"],
                        header["end"],
                        header["has_state"],
                        path.stat().st_size,
                    ),
                    tokens,
                )
            except (Damaged, OSError, ValueError, KeyError, TypeError):
                self.damaged += 1
                path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.kv"


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """The header and where it ends. Raises Damaged, OSError, ValueError."""
    with open(path, "rb") as file:
        start = file.read(len(magic) + 8)
        length = int.from_bytes(start[len(magic) : len(magic) + 4], "little")
        if not start.startswith(magic) or length > max_header_bytes:
            raise Damaged("it is no record of this version")
        text = file.read(length)
    if zlib.crc32(text) != int.from_bytes(start[-4:], "little") or len(text) != length:
        raise Damaged("its header is not what was written")
    return json.loads(text), len(start) + length


def checksum(array: Array) -> list[int]:
    """
    Sum and exclusive or of the 64-bit words: any one flipped bit changes both. At 13 GB/s where
    zlib's CRC takes 2.4, it costs less than the reading (measured on two x86-64 cores).
    """
    content = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    whole = len(content) // 8 * 8
    words = content[:whole].view(np.uint64)
    rest = int.from_bytes(content[whole:].tobytes(), "little")
    total = (int(np.add.reduce(words, dtype=np.uint64)) + rest) % (1 << 64)
    return [total, int(np.bitwise_xor.reduce(words)) ^ rest]


def name_of(tokens: Iterable[Tokens]) -> str:
    """Of all tokens up to the end of a record."""
    digest = hashlib.blake2b(digest_size=16)
    for part in tokens:
        digest.update(part.tobytes())
    return digest.hexdigest()


def private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def folder_name(parts: Sequence[str]) -> str:
    """A short name for everything that makes records usable: model, versions, layout, device."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
