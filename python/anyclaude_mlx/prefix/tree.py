"""
A tree over tokens whose edges are compressed. Knows tokens, positions and who holds what; decides
nothing.

A node is a stretch of tokens. Its attention keys and values are rows of a buffer: the one that the
sequence wrote to which computed them. Without a buffer it is on disk only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from ..events import Priority, Tokens
from .record_file import Record

# A longer stretch would keep a request waiting while it is written to disk.
max_node_tokens = 2048


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
    """
    `state` holds what is true after the last of its tokens. `record` has its rows too, among
    others, and the state where both end. A state that is `lasting` may be wanted by any later
    request, another one by the next. `used` counts requests, `session` and `priority` name the most
    important one who did, and `instructs` says that system and tools are all there is up to here.
    """

    tokens: Tokens
    start: int
    buffer: Buffer[Memory] | None = None
    parent: Node[Memory, State] | None = None
    record: Record | None = None
    children: dict[int, Node[Memory, State]] = field(default_factory=dict)
    state: State | None = None
    used: int = 0
    lasting: bool = False
    session: str = ""
    priority: Priority = Priority.MAIN
    instructs: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.tokens)

    @property
    def has_state(self) -> bool:
        """In memory or on disk."""
        return self.state is not None or self.is_state_saved

    @property
    def is_state_saved(self) -> bool:
        return self.record is not None and self.record.has_state and self.record.end == self.end

    @property
    def is_resident(self) -> bool:
        return self.buffer is not None or self.state is not None

    @property
    def is_in_use(self) -> bool:
        return self.buffer is not None and self.buffer.in_use

    def walk(self, tokens: Tokens) -> Iterator[tuple[Node[Memory, State], int]]:
        """The nodes that tokens run through behind this one, and how far each agrees with them."""
        node = self
        while node.end - self.end < len(tokens):
            rest = tokens[node.end - self.end :]
            child = node.children.get(int(rest[0]))
            if child is None:
                return
            common = common_prefix(child.tokens, rest)
            parts = common < len(child.tokens)
            yield child, child.start + common
            if parts:
                return
            node = child

    def grow(self, tokens: Tokens, buffer: Buffer[Memory] | None) -> Node[Memory, State]:
        """The node that ends with these tokens behind this one; made if there is none."""
        node = self
        for child, end in self.walk(tokens):
            node = child if end == child.end else child.split(end - child.start)
        while node.end - self.end < len(tokens):
            rest = tokens[node.end - self.end :][:max_node_tokens].copy()
            child = Node(rest, node.end, buffer, node)
            node.children[int(rest[0])] = child
            node = child
        return node

    def split(self, at: int) -> Node[Memory, State]:
        """Its first `at` tokens become a node of their own, which is returned."""
        assert self.parent is not None
        upper = Node(self.tokens[:at].copy(), self.start, self.buffer, self.parent, self.record)
        upper.used, upper.session, upper.priority = self.used, self.session, self.priority
        upper.instructs = self.instructs
        upper.parent.children[int(upper.tokens[0])] = upper  # type: ignore[union-attr]
        self.tokens = self.tokens[at:].copy()
        self.start += at
        self.parent = upper
        upper.children[int(self.tokens[0])] = self
        return upper

    def drop(self) -> None:
        """With everything behind it."""
        assert self.parent is not None
        if self.parent.children.get(int(self.tokens[0])) is self:
            del self.parent.children[int(self.tokens[0])]

    def below(self) -> Iterator[Node[Memory, State]]:
        """All nodes behind this one."""
        waiting = list(self.children.values())
        while waiting:
            node = waiting.pop()
            waiting.extend(node.children.values())
            yield node

    def up(self, start: int = 0) -> Iterator[Node[Memory, State]]:
        """This node and those before it, back to this position."""
        at: Node[Memory, State] | None = self
        while at is not None and at.end > start:
            yield at
            at = at.parent

    def all_tokens(self) -> Tokens:
        """From the start of the prompt to the end of this node."""
        return np.concatenate([node.tokens for node in self.up()][::-1])


def common_prefix(one: Tokens, other: Tokens) -> int:
    """Number of tokens at the start that are equal."""
    length = min(len(one), len(other))
    differing = np.flatnonzero(one[:length] != other[:length])
    return int(differing[0]) if len(differing) else length
