"""
What leaves memory first. Decides from nodes and who used them; frees nothing.

The user waits for the main agent, and every session begins with system and tools. So what a
sub-agent left that has ended goes first, instructions of a session that is still used go last, and
in between whatever was used longest ago.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..events import Priority
from .tree import Buffer, Memory, Node, State

# Of one conversation: system + tools come first and are wanted longest, the newest are wanted next.
oldest_lasting_kept = 4
newest_lasting_kept = 8
newest_passing_kept = 4
# Sessions whose instructions are kept longest: those that asked last.
live_sessions = 8


@dataclass(frozen=True, slots=True)
class Owner:
    """Who computed something; the first `instructions` tokens of it are system and tools."""

    session: str = ""
    priority: Priority = Priority.MAIN
    instructions: int = 0


class Sessions:
    """When each session was heard of last, by the tree's own clock."""

    def __init__(self) -> None:
        self._main_used: OrderedDict[str, int] = OrderedDict()

    def hear(self, owner: Owner, used: int) -> None:
        if owner.priority is Priority.MAIN:
            self._main_used[owner.session] = used
            self._main_used.move_to_end(owner.session)
            while len(self._main_used) > live_sessions:
                self._main_used.popitem(last=False)

    def rank(self, node: Node[Any, Any]) -> tuple[int, int]:
        """The lowest goes first."""
        if node.priority > Priority.MAIN:
            # Its main agent has gone on: a sub-agent that has ended, or work in the background.
            ended = self._main_used.get(node.session, 0) > node.used
            return (0 if ended or node.priority is Priority.BACKGROUND else 1, node.used)
        pinned = node.instructs and node.session in self._main_used
        return (2 if pinned else 1, node.used)


def owned(nodes: Iterable[Node[Any, Any]], owner: Owner, used: int) -> None:
    """Whoever matters more is named where several have used the same."""
    for node in nodes:
        if node.used == 0 or owner.priority <= node.priority:
            node.priority, node.session = owner.priority, owner.session
        node.instructs = node.instructs or node.end <= owner.instructions
        node.used = used


def leaves(nodes: Iterable[Node[Memory, State]]) -> list[Node[Memory, State]]:
    """What can be freed without taking the ground from something else."""
    return [
        node
        for node in nodes
        if node.is_resident
        and not node.is_in_use
        and not any(child.is_resident for child in node.children.values())
    ]


def without_use(path: Sequence[Node[Memory, State]]) -> list[Node[Memory, State]]:
    """
    Of the nodes of one conversation that have a state those whose state will hardly be wanted:
    forks stay, of the others the first, the newest, and ever fewer further back.
    """
    single = [node for node in path if len(node.children) < 2]
    thinned = [node for node in single if not node.lasting][:-newest_passing_kept]
    lasting = [node for node in single if node.lasting][oldest_lasting_kept:]
    older = reversed(lasting[:-newest_lasting_kept])
    return thinned + [node for back, node in enumerate(older, 1) if back & (back - 1)]


def spans(nodes: Iterable[Node[Memory, State]]) -> list[tuple[Buffer[Memory], int, int]]:
    """Each buffer that nobody uses, with the positions that nodes refer to."""
    found: dict[int, tuple[Buffer[Memory], int, int]] = {}
    for node in nodes:
        if node.buffer and not node.buffer.in_use:
            _, start, end = found.get(id(node.buffer), (None, node.start, node.end))
            found[id(node.buffer)] = (node.buffer, min(start, node.start), max(end, node.end))
    return list(found.values())
