"""
What a project's conversations begin with: system, tools, and what the client puts before the user's
first words. Kept in files, so that it can be computed while the user is still typing.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from ..events import Tokens
from .answers import hash_of
from .record_file import replacing

remembered = 64


class Heads:
    """`folder` None keeps them in memory alone. A disk that takes or gives nothing is no error."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._known: dict[str, Tokens] = {}

    def get(self, project: str) -> Tokens | None:
        """None where nothing is known, or not what was written."""
        if (name := hash_of(project)) in self._known:
            return self._known[name]
        try:
            content = self._path(project).read_bytes() if self._folder else b""
        except OSError:
            return None
        if len(content) < 8 or int.from_bytes(content[:4], "little") != zlib.crc32(content[4:]):
            return None
        return np.frombuffer(content[4:], np.int32)

    def remember(self, project: str, tokens: Tokens) -> None:
        known = self.get(project)
        if len(tokens) == 0 or (known is not None and np.array_equal(known, tokens)):
            return
        self._known[hash_of(project)] = tokens
        while len(self._known) > remembered:
            del self._known[next(iter(self._known))]
        if self._folder is None:
            return
        content = tokens.tobytes()
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with replacing(self._path(project)) as file:
                file.write(zlib.crc32(content).to_bytes(4, "little") + content)
            self._forget_oldest()
        except OSError:
            return

    def _forget_oldest(self) -> None:
        assert self._folder is not None
        files = sorted(self._folder.glob("*.head"), key=lambda file: file.stat().st_mtime)
        for file in files[:-remembered]:
            file.unlink(missing_ok=True)

    def _path(self, project: str) -> Path:
        assert self._folder is not None
        return self._folder / f"{hash_of(project)}.head"
