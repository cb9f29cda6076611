"""
Which computed prefixes are kept, found and freed. Knows lengths, positions and bytes; never what a
buffer or a state is made of.

A sequence that goes on where another ended takes its buffer over; only a real fork copies. Layers
that cannot be cut (windowed, recurrent) are restored from states, which lie at the ends of nodes;
with attention alone every position can be restored. What is on disk only is read when it is wanted.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, Protocol

import numpy as np

from ..events import Miss, Tokens
from .eviction import Owner, Sessions, leaves, owned, spans, without_use
from .record_file import Record
from .tree import Buffer, Memory, Node, State, common_prefix

remembered_evictions = 32


class Disk(Protocol[Memory, State]):  # type: ignore[misc]
    def read(self, record: Record) -> tuple[Memory, State | None]:
        """Raises Damaged."""
        ...


@dataclass(frozen=True, slots=True)
class Piece(Generic[Memory]):
    """Rows `start` to `end` of a buffer's memory."""

    memory: Memory
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Match(Generic[Memory, State]):
    """
    `length` tokens can be restored, from `taken` as it is or else from `pieces` in their order.
    `matched` tokens are known: where that is more, the rest has no state. `miss` says why not all.
    """

    length: int
    matched: int
    taken: Buffer[Memory] | None
    pieces: tuple[Piece[Memory], ...]
    state: State | None
    miss: Miss | None


Read = dict[str, tuple[Memory, State | None]]


class PrefixCache(Generic[Memory, State]):
    def __init__(
        self, max_bytes: int, any_position: bool, disk: Disk[Memory, State] | None = None
    ) -> None:
        # What is said of a prompt of which nothing is known.
        self.cold: Literal["cold", "other_build"] = "cold"
        self.max_bytes = max_bytes
        self.any_position = any_position
        self.evicted = 0
        self._disk = disk
        self._root: Node[Memory, State] = Node(np.array([], np.int32), 0)
        self._gone: list[Tokens] = []
        self._clock = itertools.count(1)
        self._sessions = Sessions()

    def lookup(self, tokens: Tokens) -> Match[Memory, State]:
        """
        The last token is never part of a match: it is fed again for its logits. A buffer that is
        `taken` belongs to the caller until it says otherwise. Raises Damaged.
        """
        limit = len(tokens) - 1
        path = list(self._root.walk(tokens[:limit]))
        matched = path[-1][1] if path else 0
        while path and not self._is_restorable(*path[-1]):
            path.pop()
        used = next(self._clock)
        for node, _ in path:
            node.used = used
        taken = self._takeable(*path[-1]) if path else None
        read = self._read(path, taken)
        if taken:
            taken.in_use = True
        length = path[-1][1] if path else 0
        return Match(
            length=length,
            matched=matched,
            taken=taken,
            pieces=() if taken else tuple(pieces(path, read)),
            state=state_of(path[-1][0], read) if path and not self.any_position else None,
            miss=self._miss(tokens, length, matched),
        )

    def insert(
        self,
        tokens: Tokens,
        buffer: Buffer[Memory],
        states: dict[int, State],
        lasting: Collection[int] = (),
        owner: Owner = Owner(),  # noqa: B008
    ) -> None:
        """
        `buffer` has the rows of all tokens from its base on; `states` are by position, and those at
        positions that are `lasting` are kept longer.
        """
        if len(tokens) == 0:
            return
        used = next(self._clock)
        for end in sorted({len(tokens), *states}):
            node = self._root.grow(tokens[:end], buffer)
            node.state = node.state or states.get(end)
            node.lasting = node.lasting or end in lasting
        path = [node for node, _ in self._root.walk(tokens)]
        owned(path, owner, used)
        self._sessions.hear(owner, used)
        for node in path:
            node.buffer = node.buffer or buffer
        for node in without_use([node for node in path if node.state is not None]):
            node.state = None

    def path(self, tokens: Tokens) -> Iterator[tuple[Node[Memory, State], int]]:
        """The nodes on the way, each with the position to which it agrees."""
        return self._root.walk(tokens)

    def common(self, tokens: Tokens) -> int:
        """How many tokens at the start are known, restorable or not."""
        return max((end for _, end in self._root.walk(tokens)), default=0)

    def attach(
        self, before: Node[Memory, State] | None, record: Record, tokens: Tokens
    ) -> Node[Memory, State]:
        """A stretch that is on disk, behind `before` or inside it; returns the node of its end."""
        node = before or self._root
        while node.start >= record.start and node.parent is not None:
            node = node.parent
        if node.end > record.start:
            node = node.split(record.start - node.start)
        last = node.grow(tokens, None)
        for stretch in last.up(record.start):
            stretch.record = stretch.record or record
        return last

    def forget(self, record: Record) -> None:
        """It is on disk no longer; what is nowhere else is dropped, with all that follows it."""
        for node in list(self._root.below()):
            if node.record is record:
                node.record = None
                if node.buffer is None:
                    node.drop()

    def make_room(self, wanted_bytes: int) -> None:
        """Frees memory until `wanted_bytes` more would fit, or nothing is left to free."""
        while self.nbytes + wanted_bytes > self.max_bytes:
            if not (self._trim() or self._evict()):
                return

    def withdraw(self, buffer: Buffer[Memory]) -> None:
        """Forgets what is in this buffer; what is on disk as well is read from there again."""
        for node in list(self._root.below()):
            if node.buffer is buffer:
                node.buffer = node.state = None
                if node.record is None:
                    node.drop()
        buffer.in_use = False

    def clear(self) -> None:
        """Forgets everything; what is in use stays with who uses it."""
        self._root.children.clear()
        self._gone.clear()

    def about(self) -> dict[str, int]:
        """May be called from any thread."""
        nodes = list(self._root.below())
        states = [state for node in nodes if (state := node.state) is not None]
        return {
            "nodes": len(nodes),
            "tokens": sum(len(node.tokens) for node in nodes),
            "tokens_in_memory": sum(len(node.tokens) for node in nodes if node.buffer),
            "states": len(states),
            "memory_bytes": self.nbytes,
            "memory_budget_bytes": self.max_bytes,
            "evicted": self.evicted,
        }

    @property
    def nbytes(self) -> int:
        nodes = list(self._root.below())
        buffers = {id(buffer): buffer for node in nodes if (buffer := node.buffer)}
        states = [state for node in nodes if (state := node.state) is not None]
        return sum(buffer.memory.nbytes for buffer in buffers.values()) + sum(
            state.nbytes for state in states
        )

    def _is_restorable(self, node: Node[Memory, State], end: int) -> bool:
        return self.any_position or (end == node.end and node.has_state)

    def _takeable(self, node: Node[Memory, State], end: int) -> Buffer[Memory] | None:
        """Its buffer, when nothing known lies behind this position in it."""
        buffer = node.buffer
        if buffer is None or buffer.in_use or buffer.base or end < node.end:
            return None
        return None if any(below.buffer is buffer for below in node.below()) else buffer

    def _read(
        self, path: list[tuple[Node[Memory, State], int]], taken: Buffer[Memory] | None
    ) -> Read[Memory, State]:
        """What has to come from disk, by the name of its record. Raises Damaged."""
        wanted = [node for node, _ in path if node.buffer is None and taken is None]
        if path and not self.any_position and path[-1][0].state is None:
            wanted.append(path[-1][0])
        read: Read[Memory, State] = {}
        for node in wanted:
            assert node.record is not None
            assert self._disk is not None
            read[node.record.name] = read.get(node.record.name) or self._disk.read(node.record)
        return read

    def _trim(self) -> bool:
        """Cuts off rows that no node refers to. False when there are none."""
        trimmed = False
        for buffer, start, end in spans(self._root.below()):
            before = buffer.memory.nbytes
            cut = buffer.memory.cut(start - buffer.base, end - buffer.base)
            if cut.nbytes < before:
                buffer.memory, buffer.base, trimmed = cut, start, True
        return trimmed

    def _evict(self) -> bool:
        """Frees one leaf. False when every leaf is in use."""
        leaf = min(leaves(self._root.below()), key=self._sessions.rank, default=None)
        if leaf is None:
            return False
        if leaf.record:
            leaf.buffer = leaf.state = None
        else:
            self._gone = [*self._gone[1 - remembered_evictions :], leaf.all_tokens()]
            leaf.drop()
            self.evicted += 1
        return True

    def _miss(self, tokens: Tokens, length: int, matched: int) -> Miss | None:
        if length == len(tokens) - 1:
            return None
        if any(common_prefix(gone, tokens) > matched for gone in self._gone):
            return Miss("evicted", length)
        if length < matched:
            return Miss("no_state", length)
        if matched == 0:
            return Miss("cold" if self._root.children else self.cold, 0)
        *_, (node, end) = self._root.walk(tokens)
        grows = end == node.end and not node.children
        return None if grows else Miss("diverged", length)


def pieces(
    path: Iterable[tuple[Node[Memory, State], int]], read: Read[Memory, State]
) -> Iterator[Piece[Memory]]:
    """The rows along a path, neighbours in one memory joined."""
    joined: list[Piece[Memory]] = []
    for node, end in path:
        if node.buffer:
            memory, base = node.buffer.memory, node.buffer.base
        else:
            assert node.record is not None
            (memory, _), base = read[node.record.name], node.record.start
        piece = Piece(memory, node.start - base, end - base)
        if joined and joined[-1].memory is memory:
            piece = Piece(memory, joined.pop().start, piece.end)
        joined.append(piece)
    yield from joined


def state_of(node: Node[Memory, State], read: Read[Memory, State]) -> State | None:
    if node.state is not None or node.record is None:
        return node.state
    return read[node.record.name][1]
