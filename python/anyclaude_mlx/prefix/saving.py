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

import numpy as np

from ..events import Tokens
from .cache import PrefixCache
from .record_file import Damaged, Packed, Record, Stored
from .store import Store, name_of
from .tree import Memory, Node, State

log = logging.getLogger(__name__)
# How long to wait before asking again whether a record has been written.
busy_seconds = 0.002
# Of a record, beside tokens and arrays.
header_bytes = 4096

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
            end = self._cache.attach(ends.get(record.before), record, tokens)
            if record.has_state and not end.is_state_saved:
                # Inside a longer record, to say what is true at a fork.
                set_record(end, record)
            ends[record.name] = end
            self._records[record.name] = record
        self._make_room()

    def want(self, tokens: Tokens, ends: Collection[int]) -> None:
        """What leads to these tokens is to be saved, with the states at their end and at `ends`."""
        wanted = {*ends, len(tokens)}
        for node, end in self._cache.path(tokens):
            if node.record:
                self._store.touch(node.record)
            if end == node.end and (node.record is None or lacks_state(node, wanted)):
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
            node, ends = self._waiting[0]
            unsaved = first_unsaved(node, ends)
            if unsaved and (writing := self._begin(unsaved, ends)):
                self._writing = (unsaved, writing)
                return busy_seconds
            self._waiting.popleft()
        return None

    def _begin(self, node: Node[Memory, State], ends: Collection[int]) -> Future[Record] | None:
        """None when there is no room for it or its rows are there no longer."""
        assert node.parent is not None
        # A record that lacks the state of its own end is written again, whole.
        old = node.record if node.record and node.record.end == node.end else None
        start = old.start if old else node.start
        if node.buffer is None or node.buffer.base > start:
            return None
        base = node.buffer.base
        parent = node.parent.record
        state = node.state if is_state_wanted(node, ends) else None
        record = Record(
            name=name_of([node.all_tokens()]),
            before=old.before if old else parent.name if parent else "",
            start=start,
            end=node.end,
            has_state=state is not None,
            nbytes=0,
        )
        tokens = np.concatenate([each.tokens for each in node.up(start)][::-1])
        packed = self._pack(node.buffer.memory, start - base, node.end - base, state)
        if not self._make_room(packed.nbytes + tokens.nbytes + header_bytes, record.before):
            return None
        return self._writer.submit(self._store.write, record, tokens, packed)

    def _written(self, node: Node[Memory, State], future: Future[Record]) -> None:
        try:
            record = future.result()
        except OSError as error:
            if not self._warned:
                log.warning("prefixes cannot be saved: %s", error)
            self._warned = True
            self._waiting.popleft()
            return
        if record.name in self._records:
            self._store.nbytes -= self._records[record.name].nbytes
        self._records[record.name] = record
        self._store.nbytes += record.nbytes
        set_record(node, record)
        self._make_room()

    def _make_room(self, wanted_bytes: int = 0, kept: str = "") -> bool:
        """
        What was used longest ago goes first, and nothing before what stands on it. False when
        there is still no room.
        """
        room = self._store.max_bytes - self._store.beside_bytes() - wanted_bytes
        while self._store.nbytes > room:
            needed = {kept, *(record.before for record in self._records.values())}
            free = [record for record in self._records.values() if record.name not in needed]
            if not free:
                return False
            oldest = min(free, key=self._store.used_at)
            del self._records[oldest.name]
            self._store.remove(oldest)
            self._cache.forget(oldest)
        return True


def first_unsaved(node: Node[Memory, State], ends: Collection[int]) -> Node[Memory, State] | None:
    """
    On the way to this node: it may have been split while it waited. A node whose rows are on disk,
    as part of a longer stretch, may still lack its state: a fork that was learned later.
    """
    for each in [*node.up()][::-1]:
        assert each.parent is not None
        if each.parent.children.get(int(each.tokens[0])) is not each:
            return None  # dropped meanwhile
        if each.record is None:
            return each
    return node if lacks_state(node, ends) else None


def lacks_state(node: Node[Memory, State], ends: Collection[int]) -> bool:
    return is_state_wanted(node, ends) and not node.is_state_saved


def is_state_wanted(node: Node[Memory, State], ends: Collection[int]) -> bool:
    """Where somebody has gone on in another way, or will: every position but those passed by."""
    if node.state is None:
        return False
    return len(node.children) != 1 or node.end in ends


def set_record(node: Node[Memory, State], record: Record) -> None:
    """It has the rows of all that leads to its end, but not the states that others have there."""
    for stretch in node.up(record.start):
        if stretch is node or not stretch.is_state_saved:
            stretch.record = record


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
