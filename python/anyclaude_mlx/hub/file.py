"""
One file of a model, from the hub to the disk. It goes on where it stopped, after a cut or in
another process, and is its own proof: it gets its name when its hash is the one announced.

huggingface_hub has a downloader too. Its 2.4 begins every file anew after a cut, compares sizes
and not hashes, and takes large files from xet, which is another protocol with other hosts.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import httpx2
from huggingface_hub import get_session, hf_raise_for_status
from huggingface_hub.errors import HfHubHTTPError

chunk_bytes = 1 << 20
silence_seconds = 20
"""After which a connection is taken for dead."""
first_wait_seconds = 1.0
most_failures = 6
"""In a row, without a byte between them: half a minute, with the waits."""
longest_wait_seconds = 120
passing_statuses = {408, 429, 500, 502, 503, 504}
passing_errors = (httpx2.TimeoutException, httpx2.NetworkError, httpx2.RemoteProtocolError)


class WrongContent(Exception):
    """What arrived is not what the hub announced, even from a clean start."""


class Stopped(Exception):
    """Another file has failed; what is here stays."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    path: str
    """Within the model."""
    size: int
    hash: str
    """SHA-256 of a large file, git's SHA-1 of a small one: the name of its blob in the cache."""

    def hasher(self) -> hashlib._Hash:
        if len(self.hash) == 64:
            return hashlib.sha256()
        return hashlib.sha1(b"blob %d\0" % self.size)


class Partial:
    """What of a file is here so far. All of it is on disk, so that any end is a good one."""

    def __init__(self, path: Path, file: RemoteFile) -> None:
        self._file = file
        self._out = path.open("ab+")
        self._hasher = file.hasher()
        self.bytes = 0
        self._out.seek(0)
        while chunk := self._out.read(chunk_bytes):
            self._hasher.update(chunk)
            self.bytes += len(chunk)
        if self.bytes > file.size:
            self.begin_anew()

    def __enter__(self) -> Partial:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._out.close()

    @property
    def is_complete(self) -> bool:
        return self.bytes == self._file.size

    def add(self, chunk: bytes) -> None:
        """More than there should be is not taken; what is wrong then, the hash says."""
        chunk = chunk[: self._file.size - self.bytes]
        self._out.write(chunk)
        self._out.flush()
        self._hasher.update(chunk)
        self.bytes += len(chunk)

    def begin_anew(self) -> None:
        self._out.truncate(0)
        self._hasher = self._file.hasher()
        self.bytes = 0

    def is_right(self) -> bool:
        """Asked of a complete one; it is on the disk for good then."""
        os.fsync(self._out.fileno())
        return self._hasher.hexdigest() == self._file.hash


@dataclass(frozen=True, slots=True)
class Fetching:
    """How files are fetched, whichever they are."""

    headers: Mapping[str, str]
    is_stopped: Callable[[], bool]
    wait: Callable[[float], object]
    on_bytes: Callable[[RemoteFile, int], None]
    """How much of a file is here now."""
    on_trouble: Callable[[BaseException, float], None]
    """Something passing; it is tried again after so many seconds."""

    def fetch(self, file: RemoteFile, url: str, blob: Path) -> None:
        """A file that is there already is not asked for: it was right when it got its name."""
        if not blob.exists():
            path = partial_of(blob)
            if not self._fetch_once(file, url, path) and not self._fetch_once(file, url, path):
                raise WrongContent(file.path)
            os.replace(path, blob)
        self.on_bytes(file, file.size)

    def _fetch_once(self, file: RemoteFile, url: str, path: Path) -> bool:
        """Whether it is right. What is wrong is not kept: it may have been damaged long ago."""
        with Partial(path, file) as partial:
            self._complete(partial, file, url)
            is_right = partial.is_right()
        if not is_right:
            path.unlink()
            self.on_bytes(file, 0)
        return is_right

    def _complete(self, partial: Partial, file: RemoteFile, url: str) -> None:
        failures = 0
        self.on_bytes(file, partial.bytes)
        while not partial.is_complete:
            before = partial.bytes
            trouble: BaseException = httpx2.RemoteProtocolError("the connection was closed")
            try:
                self._receive(partial, file, url)
            except (HfHubHTTPError, *passing_errors) as error:
                if not is_passing(error):
                    raise
                trouble = error
            if partial.is_complete:
                return
            failures = 1 if partial.bytes > before else failures + 1
            if failures >= most_failures:
                raise trouble
            seconds = seconds_until_retry(trouble, failures)
            if seconds > longest_wait_seconds:
                raise trouble
            self.on_trouble(trouble, seconds)
            self.wait(seconds)

    def _receive(self, partial: Partial, file: RemoteFile, url: str) -> None:
        """A redirect is followed anew each time: where it leads to is good for a while only."""
        headers = {**self.headers, "accept-encoding": "identity"}
        if partial.bytes > 0:
            headers["range"] = f"bytes={partial.bytes}-"
        timeout = httpx2.Timeout(silence_seconds)
        with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
            hf_raise_for_status(response)
            if response.status_code != 206:
                partial.begin_anew()
            # As they come: what waits to fill a larger chunk would be lost with the connection.
            for chunk in response.iter_bytes():
                if self.is_stopped():
                    raise Stopped
                partial.add(chunk)
                self.on_bytes(file, partial.bytes)
                if partial.is_complete:
                    return


def partial_of(blob: Path) -> Path:
    """A name of our own: no other program writes there, and those that tidy up know its end."""
    return blob.with_name(f"{blob.name}.anyclaude.incomplete")


def is_passing(error: BaseException) -> bool:
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in passing_statuses
    return isinstance(error, passing_errors)


def seconds_until_retry(error: BaseException, failures: int) -> float:
    """As the hub asks, else longer each time."""
    if isinstance(error, HfHubHTTPError):
        asked = error.response.headers.get("retry-after", "")
        if asked.isdigit():
            return float(asked)
    return float(min(first_wait_seconds * 2 ** (failures - 1), 30))
