"""
Which prefixes go to disk and when, and how they come back. Knows the tree and the store; packing
and unpacking is done by functions that it is given.

Nothing is written while a request is being worked on: a closed sequence leaves its nodes here, and
they are packed one by one when there is nothing else to do. A thread that never calls mlx writes.
"""

from __future__ import annotations

import logging
import shutil
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from .events import Tokens
from .prefix import PrefixCache
from .record_file import Damaged, Packed, Record, Stored
from .store import Store, name_of
from .tree import Memory, Node, State

log = logging.getLogger(__name__)
# How long to wait before asking again whether a record has been written.
busy_seconds = 0.002
# Computing so few tokens again is cheaper than a state on disk.
nearest_states = 16

Pack = Callable[[Memory, int, int, State | None], Packed]
Unpack = Callable[[Stored], tuple[Memory, State | None]]


@dataclass(frozen=True, slots=True)
class Reader(Generic[Memory, State]):
    store: Store
    unpack: Unpack[Memory, State]

    def read(self, record: Record) -> tuple[Memory, State | None]:
        try:
            return self.unpack(self.store.read(record))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise Damaged(f"{record.name} holds something else: {error}", record) from error


class Saver(Generic[Memory, State]):
    def __init__(
        self, cache: PrefixCache[Memory, State], store: Store, pack: Pack[Memory, State]
    ) -> None:
        self._cache = cache
        self._store = store
        self._pack = pack
        self._records: dict[str, Record] = {}
        self._waiting: deque[tuple[Node[Memory, State], Collection[int]]] = deque()
        self._writer = ThreadPoolExecutor(1, "prefix-writer")
        self._writing: tuple[Node[Memory, State], Future[Record]] | None = None
        self._warned = False

    def load(self) -> None:
        """Makes everything on disk findable; nothing but headers is read."""
        ends: dict[str, Node[Memory, State]] = {}
        for record, tokens in self._store.scan():
            ends[record.name] = self._cache.attach(ends.get(record.before), record, tokens)
            self._records[record.name] = record
        self._make_room()

    def want(self, tokens: Tokens, ends: Collection[int]) -> None:
        """What leads to these tokens is to be saved, with the states at their end and at `ends`."""
        wanted = {*ends, len(tokens)}
        for node, end in self._cache.path(tokens):
            if node.record:
                self._store.touch(node.record)
            elif end == node.end:
                self._waiting.append((node, wanted))

    def clear(self) -> None:
        """Removes all records of this model, with what was still to be written."""
        self._waiting.clear()
        if self._writing:
            self._writing[1].exception()
            self._writing = None
        for record, _ in self._store.scan():
            self._store.remove(record)
        self._records.clear()

    def about(self) -> dict[str, int]:
        return {
            "records": len(self._records),
            "disk_bytes": self._store.nbytes,
            "disk_limit_bytes": self._store.max_bytes,
            "damaged": self._store.damaged,
        }

    def step(self) -> float | None:
        """
        One piece of work. Seconds until the next may be done; None when nothing is left. Never
        fails: whoever asks has requests to serve.
        """
        try:
            return self._step()
        except Exception:
            log.exception("saving prefixes failed; what is waiting is not saved")
            self._waiting.clear()
            self._writing = None
            return None

    def _step(self) -> float | None:
        if self._writing:
            node, future = self._writing
            if not future.done():
                return busy_seconds
            self._writing = None
            self._written(node, future)
        while self._waiting:
            node, ends = self._waiting.popleft()
            if self._is_savable(node):
                self._writing = (node, self._begin(node, ends))
                return busy_seconds
        return None

    def _is_savable(self, node: Node[Memory, State]) -> bool:
        parent = node.parent
        if node.record or node.buffer is None or parent is None:
            return False
        is_kept = parent.children.get(int(node.tokens[0])) is node
        return is_kept and (parent.parent is None or parent.record is not None)

    def _begin(self, node: Node[Memory, State], ends: Collection[int]) -> Future[Record]:
        assert node.buffer is not None
        assert node.parent is not None
        base = node.buffer.base
        state = node.state if self._is_state_wanted(node, ends) else None
        packed = self._pack(node.buffer.memory, node.start - base, node.end - base, state)
        record = Record(
            name=name_of([node.all_tokens()]),
            before=node.parent.record.name if node.parent.record else "",
            start=node.start,
            end=node.end,
            has_state=state is not None,
            nbytes=0,
        )
        return self._writer.submit(self._store.write, record, node.tokens, packed)

    def _is_state_wanted(self, node: Node[Memory, State], ends: Collection[int]) -> bool:
        """A state may be as large as thousands of tokens: those that stand close are left out."""
        if not node.children or len(node.children) > 1:
            return True
        saved = (each.end for each in node.up() if each is not node and is_state_saved(each))
        return node.end in ends and node.end - max(saved, default=0) > nearest_states

    def _written(self, node: Node[Memory, State], future: Future[Record]) -> None:
        try:
            record = future.result()
        except OSError as error:
            if not self._warned:
                log.warning("prefixes cannot be saved: %s", error)
            self._warned = True
            return
        self._records[record.name] = record
        self._store.nbytes += record.nbytes
        for stretch in node.up(record.start):
            stretch.record = record
        self._make_room()

    def _make_room(self) -> None:
        """What was used longest ago goes first, and nothing before what stands on it."""
        while self._store.nbytes > self._store.max_bytes and self._records:
            needed = {record.before for record in self._records.values()}
            free = [record for record in self._records.values() if record.name not in needed]
            oldest = min(free, key=self._store.used_at)
            del self._records[oldest.name]
            self._store.remove(oldest)
            self._cache.forget(oldest)


def is_state_saved(node: Node[Memory, State]) -> bool:
    return node.record is not None and node.record.has_state and node.record.end == node.end


def remove_oldest_folders(root: Path, own: Path, max_bytes: int) -> None:
    """Records of other models and builds, whole, until all together fit."""
    folders = [folder for folder in root.iterdir() if folder.is_dir()] if root.is_dir() else []
    sizes = {folder: sum(size_of(folder)) for folder in folders}
    others = sorted((folder for folder in folders if folder != own), key=newest)
    while others and sum(sizes.values()) > max_bytes:
        oldest = others.pop(0)
        shutil.rmtree(oldest, ignore_errors=True)
        del sizes[oldest]


def size_of(folder: Path) -> Iterator[int]:
    for file in folder.iterdir():
        try:
            yield file.stat().st_size
        except OSError:
            continue  # just removed by another server


def newest(folder: Path) -> float:
    try:
        return max((file.stat().st_mtime for file in folder.iterdir()), default=0.0)
    except OSError:
        return 0.0
