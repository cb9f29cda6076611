"""
Records of computed prefixes on disk: one folder of files. Knows files and their age; nothing of
mlx, of trees or of who wants a record.

A record holds the stretch of tokens from `start` to `end`, what was computed for it, and the name
of the record before it. Its name is the hash of all tokens up to its end, so that writing the same
twice is the same file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from ..events import Tokens
from .record_file import (
    Damaged,
    Packed,
    Record,
    Stored,
    StoredArray,
    checksum,
    read_header,
    write_record,
)


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
        return write_record(self._path(record.name), record, tokens, packed)

    def read(self, record: Record) -> Stored:
        """Its header; what it tells of is read when it is asked for. Raises Damaged."""
        path = self._path(record.name)
        try:
            header, offset = read_header(path)
            os.utime(path)
        except (OSError, ValueError) as error:
            raise Damaged(str(error), record) from error
        kinds = [["<i4", [record.end - record.start]], *header["arrays"]]
        arrays = []
        for (dtype, shape), known in zip(kinds, header["sums"], strict=True):
            arrays.append(StoredArray(np.dtype(dtype), tuple(shape), offset, known))
            offset += arrays[-1].nbytes
        return Stored(record, path, header["about"], tuple(arrays[1:]))

    def remove(self, record: Record) -> None:
        self._path(record.name).unlink(missing_ok=True)
        self.nbytes -= record.nbytes

    def beside_bytes(self) -> int:
        """Of other files in the folder: they take of the same room."""
        try:
            files = [path for path in self._folder.iterdir() if path.suffix != ".kv"]
            return sum(path.stat().st_size for path in files)
        except OSError:
            return 0  # the folder is gone, or a file just was: the next write will tell

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
                    raise ValueError("its tokens are not what was written")
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
            except (OSError, ValueError, KeyError, TypeError):
                self.damaged += 1
                path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.kv"


def name_of(tokens: Iterable[Tokens]) -> str:
    """Of all tokens up to the end of a record."""
    digest = hashlib.blake2b(digest_size=16)
    for part in tokens:
        digest.update(part.tobytes())
    return digest.hexdigest()


def folder_name(parts: Sequence[str]) -> str:
    """A short name for everything that makes records usable: model, versions, layout, device."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
