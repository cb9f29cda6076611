"""
Computed prefixes: a tree over tokens whose edges are compressed. Knows lengths, positions and
bytes; never what a buffer or a state is made of.

A node is a stretch of tokens. Its attention keys and values are rows of a buffer: the one that the
sequence wrote to which computed them. A sequence that goes on where another ended takes its buffer
over; only a real fork copies. Layers that cannot be cut (windowed, recurrent) are restored from
states, which lie at the ends of nodes; with attention alone every position can be restored.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from .events import Miss, Tokens

# The end of system + tools comes first and is wanted longest; the newest are wanted next.
oldest_states_kept = 2
newest_states_kept = 6
remembered_evictions = 32


class Rows(Protocol):
    """Keys and values of consecutive tokens, row 0 first."""

    @property
    def nbytes(self) -> int: ...
    def cut(self, start: int, end: int) -> Self:
        """A copy of these rows and no others."""
        ...


class Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


Memory = TypeVar("Memory", bound=Rows)
State = TypeVar("State", bound=Sized)


@dataclass(eq=False, slots=True)
class Buffer(Generic[Memory]):
    """Row 0 is the token at position `base`. While `in_use` a sequence appends to it."""

    memory: Memory
    base: int = 0
    in_use: bool = True


@dataclass(eq=False, slots=True)
class Node(Generic[Memory, State]):
    """`state` holds what is true after the last of its tokens."""

    tokens: Tokens
    start: int
    buffer: Buffer[Memory] | None
    parent: Node[Memory, State] | None
    children: dict[int, Node[Memory, State]] = field(default_factory=dict)
    state: State | None = None
    used: int = 0

    @property
    def end(self) -> int:
        return self.start + len(self.tokens)


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


class PrefixCache(Generic[Memory, State]):
    def __init__(self, max_bytes: int, any_position: bool) -> None:
        self.max_bytes = max_bytes
        self.any_position = any_position
        self.evicted = 0
        self._root: Node[Memory, State] = Node(np.array([], np.int32), 0, None, None)
        self._gone: list[Tokens] = []
        self._clock = itertools.count(1)

    def lookup(self, tokens: Tokens) -> Match[Memory, State]:
        """
        The last token is never part of a match: it is fed again for its logits. A buffer that is
        `taken` belongs to the caller until it says otherwise.
        """
        limit = len(tokens) - 1
        path = list(self._walk(tokens[:limit]))
        matched = path[-1][1] if path else 0
        restorable = [(node, end) for node, end in path if self._is_restorable(node, end)]
        length = restorable[-1][1] if restorable else 0
        used = next(self._clock)
        for node, _ in restorable:
            node.used = used
        path = path[: path.index(restorable[-1]) + 1] if restorable else []
        taken = self._takeable(*path[-1]) if path else None
        if taken:
            taken.in_use = True
        return Match(
            length=length,
            matched=matched,
            taken=taken,
            pieces=() if taken else tuple(pieces(path)),
            state=path[-1][0].state if path and not self.any_position else None,
            miss=self._miss(tokens, length, matched),
        )

    def insert(self, tokens: Tokens, buffer: Buffer[Memory], states: dict[int, State]) -> None:
        """`buffer` has the rows of all tokens from its base on; `states` are by position."""
        if len(tokens) == 0:
            return
        used = next(self._clock)
        for end in sorted({len(tokens), *states}):
            node = self._node_at(tokens[:end], buffer)
            node.state = node.state or states.get(end)
        path = [node for node, _ in self._walk(tokens)]
        for node in path:
            node.used = used
        self._thin([node for node in path if node.state is not None])

    def common(self, tokens: Tokens) -> int:
        """How many tokens at the start are known, restorable or not."""
        return max((end for _, end in self._walk(tokens)), default=0)

    def make_room(self, wanted_bytes: int) -> None:
        """Frees memory until `wanted_bytes` more would fit, or nothing is left to free."""
        while self.nbytes + wanted_bytes > self.max_bytes:
            if not (self._trim() or self._evict()):
                return

    @property
    def nbytes(self) -> int:
        nodes = list(nodes_below(self._root))
        buffers = {id(node.buffer): node.buffer for node in nodes if node.buffer}
        return sum(buffer.memory.nbytes for buffer in buffers.values()) + sum(
            node.state.nbytes for node in nodes if node.state is not None
        )

    def _walk(self, tokens: Tokens) -> Iterator[tuple[Node[Memory, State], int]]:
        """The nodes that these tokens run through, each with the position to which they agree."""
        node, position = self._root, 0
        while position < len(tokens):
            child = node.children.get(int(tokens[position]))
            if child is None:
                return
            common = common_prefix(child.tokens, tokens[position:])
            parts = common < len(child.tokens)
            position += common
            yield child, position
            if parts:
                return
            node = child

    def _is_restorable(self, node: Node[Memory, State], end: int) -> bool:
        return self.any_position or (end == node.end and node.state is not None)

    def _takeable(self, node: Node[Memory, State], end: int) -> Buffer[Memory] | None:
        """Its buffer, when nothing known lies behind this position in it."""
        buffer = node.buffer
        if buffer is None or buffer.in_use or buffer.base or end < node.end:
            return None
        return None if any(below.buffer is buffer for below in nodes_below(node)) else buffer

    def _node_at(self, tokens: Tokens, buffer: Buffer[Memory]) -> Node[Memory, State]:
        """The node that ends with these tokens; made if there is none."""
        node = self._root
        for child, end in self._walk(tokens):
            node = child if end == child.end else self._split(child, end - child.start)
        if node.end < len(tokens):
            rest = tokens[node.end :].copy()
            child = Node(rest, node.end, buffer, node)
            node.children[int(rest[0])] = child
            node = child
        return node

    def _split(self, node: Node[Memory, State], at: int) -> Node[Memory, State]:
        """Its first `at` tokens become a node of their own, which is returned."""
        assert node.parent is not None
        upper = Node(node.tokens[:at].copy(), node.start, node.buffer, node.parent, used=node.used)
        node.parent.children[int(upper.tokens[0])] = upper
        node.tokens = node.tokens[at:].copy()
        node.start += at
        node.parent = upper
        upper.children[int(node.tokens[0])] = node
        return upper

    def _thin(self, path: list[Node[Memory, State]]) -> None:
        """States of one conversation: the oldest, the newest, the forks; the others may go."""
        for node in path[oldest_states_kept:-newest_states_kept]:
            if len(node.children) < 2:
                node.state = None

    def _trim(self) -> bool:
        """Cuts off rows that no node refers to. False when there are none."""
        spans: dict[int, tuple[Buffer[Memory], int, int]] = {}
        for node in nodes_below(self._root):
            if node.buffer and not node.buffer.in_use:
                _, start, end = spans.get(id(node.buffer), (None, node.start, node.end))
                spans[id(node.buffer)] = (node.buffer, min(start, node.start), max(end, node.end))
        trimmed = False
        for buffer, start, end in spans.values():
            before = buffer.memory.nbytes
            cut = buffer.memory.cut(start - buffer.base, end - buffer.base)
            if cut.nbytes < before:
                buffer.memory, buffer.base, trimmed = cut, start, True
        return trimmed

    def _evict(self) -> bool:
        """Drops the leaf that was used longest ago. False when every leaf is in use."""
        leaves = [
            node
            for node in nodes_below(self._root)
            if not node.children and not (node.buffer and node.buffer.in_use)
        ]
        if not leaves:
            return False
        leaf = min(leaves, key=lambda node: node.used)
        self._gone = [*self._gone[1 - remembered_evictions :], tokens_to(leaf)]
        assert leaf.parent is not None
        del leaf.parent.children[int(leaf.tokens[0])]
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
            return Miss("cold", 0)
        *_, (node, end) = self._walk(tokens)
        grows = end == node.end and not node.children
        return None if grows else Miss("diverged", length)


def nodes_below(node: Node[Memory, State]) -> Iterator[Node[Memory, State]]:
    waiting = list(node.children.values())
    while waiting:
        below = waiting.pop()
        waiting.extend(below.children.values())
        yield below


def pieces(path: Iterable[tuple[Node[Memory, State], int]]) -> Iterator[Piece[Memory]]:
    """The rows along a path, neighbours in one buffer joined."""
    joined: list[tuple[Buffer[Memory], int, int]] = []
    for node, end in path:
        assert node.buffer is not None
        if joined and joined[-1][0] is node.buffer:
            joined[-1] = (node.buffer, joined[-1][1], end)
        else:
            joined.append((node.buffer, node.start, end))
    for buffer, start, end in joined:
        yield Piece(buffer.memory, start - buffer.base, end - buffer.base)


def tokens_to(node: Node[Memory, State]) -> Tokens:
    """All tokens from the start to the end of this node."""
    edges = []
    at: Node[Memory, State] | None = node
    while at is not None:
        edges.append(at.tokens)
        at = at.parent
    return np.concatenate(edges[::-1])


def common_prefix(one: Tokens, other: Tokens) -> int:
    """Number of tokens at the start that are equal."""
    length = min(len(one), len(other))
    differing = np.flatnonzero(one[:length] != other[:length])
    return int(differing[0]) if len(differing) else length
