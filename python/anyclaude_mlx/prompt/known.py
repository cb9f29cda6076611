"""
Conversations that were planned before, so that of the next request only the new end is rendered.

The end begins with the last question of the known conversation. It is rendered alone, behind a
stand-in for everything before, so that a template which looks for the last question sees the same
world. Whether a template allows this is tried when it is loaded, and again with every request by
rendering the whole while the prompt is already being computed (`api/chat.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .pieces import Message, Piece

remembered = 16


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """
    What is rendered: messages and tools in OpenAI's shape, and the template's own options. The last
    message ends with `own_chars` of what the user said; before them stands what every new
    conversation begins with.
    """

    messages: Sequence[Message]
    tools: Sequence[Message] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    own_chars: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """
    What a planned prompt tells of those that go on from it: `before` stands in front of its last
    question, which is message number `question` and whose place is `place`. The rest are
    boundaries, as token positions: the end of the instructions, where a later tool would stand,
    where another last question would part, and where the user began to speak, ascending.
    """

    prompt: ChatPrompt | None = None
    question: int = 0
    before: Piece | None = None
    place: str = ""
    instructions: int | None = None
    late_tool: int | None = None
    asked: int | None = None
    questions: tuple[int, ...] = ()

    def begins(self, prompt: ChatPrompt) -> bool:
        mine = self.prompt
        return (
            mine is not None
            and len(mine.messages) <= len(prompt.messages)
            and mine.options == prompt.options
            and [*mine.messages] == [*prompt.messages[: len(mine.messages)]]
            and mine.tools == prompt.tools
        )


class KnownPrompts:
    """The newest ones; one that goes on from another takes its place."""

    def __init__(self) -> None:
        self._known: deque[Known] = deque(maxlen=remembered)

    def find(self, prompt: ChatPrompt) -> Known:
        """One that knows nothing, if there is none."""
        return next((known for known in self._known if known.begins(prompt)), Known())

    def remember(self, known: Known, instead_of: Known) -> None:
        if instead_of in self._known:
            self._known.remove(instead_of)
        self._known.appendleft(known)

    def forget(self) -> None:
        self._known.clear()
