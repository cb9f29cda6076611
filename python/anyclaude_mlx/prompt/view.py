"""
One prompt, rendered behind what is known of it, and the places in it where others may part. Knows
characters and pieces; decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import InvalidRequest
from .known import ChatPrompt, Known
from .pieces import Message, Pieces, joined, text_of
from .rendered import Rendered, parting
from .template import say

other_user = say("user", "\u2400")
# One that a client may add later: where it would stand, prompts part.
other_tool = {"type": "function", "function": {"name": "\u2400", "parameters": {}}}


@dataclass(frozen=True, slots=True)
class StandIn:
    """What is rendered in front of an end, the text it makes there, and what opens an answer."""

    messages: list[Message]
    text: str
    opening: str


class Renderer(Protocol):
    @property
    def pieces(self) -> Pieces: ...
    def stand_in(self, prompt: ChatPrompt) -> StandIn: ...
    def render(self, prompt: ChatPrompt, *, opening: bool) -> str: ...


class View:
    """One prompt, rendered behind what is known of it."""

    def __init__(self, renderer: Renderer, prompt: ChatPrompt, known: Known) -> None:
        self._renderer = renderer
        self._prompt = prompt
        self._known = known
        self._messages = prompt.messages[known.question :]
        self._stand_in = renderer.stand_in(prompt)
        self._tools = None if known.before else prompt.tools
        self._end = self._render(self._messages, opening=True)
        self.users = [i for i, each in enumerate(prompt.messages) if each["role"] == "user"]
        pieces = renderer.pieces
        new = pieces.of(self._end, prompt.messages, known.place)
        before = [known.before] if known.before else []
        self.rendered = Rendered([*before, *new], pieces.encode_head)
        self._offset = len(self.rendered.text) - len(self._end)
        self.instructions, self.late_tool = known.instructions, known.late_tool
        if known.prompt is None:
            instructed = 1 if prompt.messages[0]["role"] == "system" else 0
            self.instructions = self.rendered.segment_at(self.until(instructed))
            self.late_tool = self._where_a_tool_would_stand(instructed)

    def until(self, end: int) -> int | None:
        """The character where prompts part if the user says something else at message `end`."""
        try:
            text = self._render([*self._messages[: end - self._known.question], other_user])
        except InvalidRequest:
            return None  # the template wants more than this: that boundary is not to be had
        return self._whole(parting(self._end, text))

    def opening(self) -> int | None:
        """The character where the answer is opened."""
        opening = self._stand_in.opening
        if opening and self._end.endswith(opening):
            return self._whole(len(self._end) - len(opening))
        return self._whole(parting(self._end, self._render(self._messages)))

    def own_words(self) -> int | None:
        """The character at which the words of the user begin."""
        last, own_chars = self._prompt.messages[-1], self._prompt.own_chars
        content = text_of(last.get("content"))
        place = self._end.rfind(content)
        if last["role"] != "user" or not 0 < own_chars < len(content) or place < 0:
            return None
        return self._whole(place + len(content) - own_chars)

    def questions(self) -> Iterator[int]:
        """
        Where the user began to speak, the latest first: a rewind leads there. A text that stands
        elsewhere too, or that the template changes, costs a boundary and nothing else.
        """
        end = len(self._end)
        for message in reversed(self._messages):
            content = text_of(message.get("content"))
            if message["role"] != "user" or not content:
                continue
            end = self._end.rfind(content, 0, end)
            if end < 0:
                return
            token = self.rendered.token_at(self._whole(end))
            if token is not None:
                yield token

    def known(self, questions: tuple[int, ...]) -> Known:
        """What the next request may go on from."""
        known = self._known
        if known.before and self.users[-1] == known.question:
            return replace(known, prompt=self._prompt, questions=questions)
        char = self.until(self.users[-1]) if self.users else None
        index = 0 if char is None else self.rendered.index(char)
        if index and not self._stands_alone(index, self.users[-1]):
            index = 0
        pieces = self.rendered.pieces
        return Known(
            prompt=self._prompt,
            question=self.users[-1] if index else 0,
            before=joined(pieces[:index]) if index else None,
            place=pieces[index].place if index else "",
            instructions=self.instructions,
            late_tool=self.late_tool,
            asked=self.rendered.token_at(char),
            questions=questions,
        )

    def _stands_alone(self, index: int, user: int) -> bool:
        """
        Whether this piece begins with this message: a template may join it with what is before, or
        its text may look like the beginning of a turn.
        """
        messages = [*self._stand_in.messages, *self._prompt.messages[user:]]
        alone = ChatPrompt(messages, None, self._prompt.options)
        try:
            text = self._renderer.render(alone, opening=True)[len(self._stand_in.text) :]
        except InvalidRequest:
            return False
        return text == self.rendered.text[self.rendered.chars[index] :]

    def _where_a_tool_would_stand(self, instructed: int) -> int | None:
        if not self._tools:
            return None
        messages = [*self._messages[:instructed], other_user]
        later = ChatPrompt(messages, [*self._tools, other_tool], self._prompt.options)
        try:
            text = self._renderer.render(later, opening=False)
        except InvalidRequest:
            return None
        return self.rendered.token_at(parting(self._end, text))

    def _render(self, messages: Sequence[Message], *, opening: bool = False) -> str:
        """Of an end: behind the stand-in, which is cut off."""
        in_front, text = self._stand_in.messages, self._stand_in.text
        if not self._known.before:
            in_front, text = [], ""
        prompt = ChatPrompt([*in_front, *messages], self._tools, self._prompt.options)
        return self._renderer.render(prompt, opening=opening)[len(text) :]

    def _whole(self, char: int | None) -> int | None:
        """From the end to the whole prompt."""
        return None if char is None else self._offset + char
