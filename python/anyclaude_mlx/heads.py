"""
What a project's conversations begin with: system, tools, and what the client puts before the user's
first words. Kept in files, so that it can be computed while the user is still typing.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

import numpy as np

from .events import Tokens
from .record_file import private

remembered = 64


class Heads:
    """`folder` None keeps them in memory alone. A disk that takes or gives nothing is no error."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._known: dict[str, Tokens] = {}

    def get(self, project: str) -> Tokens | None:
        """None where nothing is known, or not what was written."""
        if (name := name_of(project)) in self._known:
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
        self._known[name_of(project)] = tokens
        while len(self._known) > remembered:
            del self._known[next(iter(self._known))]
        if self._folder is None:
            return
        content = tokens.tobytes()
        path = self._path(project)
        unfinished = path.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(unfinished, "wb", opener=private) as file:
                file.write(zlib.crc32(content).to_bytes(4, "little") + content)
            os.replace(unfinished, path)
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
        return self._folder / f"{name_of(project)}.head"


def name_of(project: str) -> str:
    """It is somebody else's, of any length: only its hash is used."""
    return hashlib.blake2b(project.encode("utf-8", "replace"), digest_size=16).hexdigest()
