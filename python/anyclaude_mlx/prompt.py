"""
From messages to tokens. Knows the chat template and the tokenizer; knows nothing of the model.

A prompt is cut into segments at the template's turn markers, and the ids of a segment are kept,
so that of a long conversation only new text is tokenised. That the pieces give the same ids as
the whole is checked when the tokenizer is loaded; if they do not, everything is one segment.

An answer is rendered again by the next request, seldom with the ids that were generated. They are
remembered and put back in its place when the client returns what was sent, because then nothing
of it has to be prefilled again.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from .answers import Answered, Answers, hash_of
from .errors import InvalidRequest
from .events import Tokens
from .rendered import Rendered
from .segments import turn_cutter
from .template import Template

Message = Mapping[str, Any]
remembered_segments = 8192
remembered_heads = 64
# The way back to these is kept; to earlier ones at powers of two.
near_questions = 4
# One that a client may add later: where it would stand, prompts part.
other_tool = {"type": "function", "function": {"name": "\u2400", "parameters": {}}}


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
class Plan:
    """
    `opening` is the text behind which the answer begins; `place` names it for `remember`. System
    and tools are the first `instruction_tokens`; None when the template renders neither alone.
    `boundaries` are where a later request may part from this one; `lasting` are those that any
    later one may, the others only the next.
    """

    tokens: Tokens
    boundaries: tuple[int, ...]
    lasting: frozenset[int]
    instruction_tokens: int | None
    opening: str
    place: str


class Prompter:
    def __init__(self, tokenizer: Any, answers: Answers | None = None) -> None:
        self._tokenizer = tokenizer
        self.template = Template(tokenizer)
        self._answers = answers or Answers()
        self._cut = turn_cutter(tokenizer)
        self._ids: OrderedDict[str, tuple[int, ...]] = OrderedDict()
        self._heads: OrderedDict[str, tuple[int, ...]] = OrderedDict()

    def plan(self, prompt: ChatPrompt) -> Plan:
        text = self.render(prompt, opening=True)
        pieces = list(self._pieces(text, prompt))
        known = [(segment, ids) for segment, ids, _ in pieces]
        rendered = Rendered(text, known, self._head_ids)
        tokens = rendered.tokens
        if len(tokens) == 0:
            raise InvalidRequest(
                "Cannot answer these messages: their template makes no text of them"
            )

        def until(end: int, tools: Sequence[Message] | None = prompt.tools) -> int | None:
            return rendered.parting(self._rendered_until(end, prompt, tools))

        instructed = self._instructions(prompt.messages)
        instructions = rendered.segment_at(until(instructed))
        later_tool = [*(prompt.tools or ()), other_tool]
        lasting = {
            instructions,
            rendered.token_at(until(instructed, later_tool)) if prompt.tools else None,
            rendered.token_at(until(self._last_user(prompt.messages))),
            rendered.token_at(self._question(text, prompt)),
            *(rendered.token_at(place) for place in earlier_questions(text, prompt.messages)),
        } - {None, 0, len(tokens)}
        answered = rendered.segment_at(rendered.parting(self.render(prompt, opening=False)))
        passing = {answered} - {None, 0, len(tokens)}
        return Plan(
            tokens=tokens,
            boundaries=tuple(sorted(cast("set[int]", lasting | passing))),
            lasting=frozenset(cast("set[int]", lasting)),
            instruction_tokens=instructions,
            opening=pieces[-1][0],
            place=pieces[-1][2],
        )

    def render(self, prompt: ChatPrompt, *, opening: bool) -> str:
        return self.template.render(prompt.messages, prompt.tools, prompt.options, opening=opening)

    def remember(
        self, plan: Plan, prompt: ChatPrompt, ids: Sequence[int], message: Message
    ) -> None:
        """`ids` were generated behind `plan`, end token included, and sent as `message`."""
        said = hash_of(same_message(message))
        answered = Answered(tuple(ids), said, len(prompt.messages), plan.opening)
        self._answers.add(plan.place, answered)

    def _pieces(self, text: str, prompt: ChatPrompt) -> Iterator[tuple[str, Sequence[int], str]]:
        """Segment, its ids, and a name for everything before it."""
        place = hashlib.sha256()
        for segment in self._cut(text):
            here = place.hexdigest()
            yield segment, self._answer_ids(segment, here, prompt) or self._encode(segment), here
            place.update(segment.encode("utf-8", "surrogatepass") + b"\0")

    def _answer_ids(self, segment: str, place: str, prompt: ChatPrompt) -> Sequence[int] | None:
        answered = self._answers.get(place)
        if answered is None or not segment.startswith(answered.opening):
            return None
        if segment == answered.opening:
            return None
        if len(prompt.messages) <= answered.message_index:
            return None
        if hash_of(same_message(prompt.messages[answered.message_index])) != answered.message:
            return None
        return [*self._encode(answered.opening), *answered.ids, *self._tail(segment, answered)]

    def _tail(self, segment: str, answered: Answered) -> Sequence[int]:
        """What the template writes behind an answer: line ends, and the end mark of a cut one."""
        ends = self._tokenizer.eos_token_ids
        marks = [self._tokenizer.decode([end]) for end in ends]
        at, mark = max((segment.rfind(mark), mark) for mark in marks)
        if at < 0:
            return ()
        complete = bool(answered.ids) and answered.ids[-1] in ends
        return self._encode(segment[at + len(mark) :] if complete else segment[at:])

    def _encode(self, text: str) -> tuple[int, ...]:
        known = self._ids.get(text)
        if known is None:
            known = tuple(self._tokenizer.encode(text, add_special_tokens=False))
            self._ids[text] = known
            while len(self._ids) > remembered_segments:
                self._ids.popitem(last=False)
        else:
            self._ids.move_to_end(text)
        return known

    def _head_ids(self, head: str) -> Sequence[int]:
        """Of the beginning of a segment: long, and asked for again with every request."""
        known = self._heads.get(head)
        if known is None:
            known = tuple(self._tokenizer.encode(head, add_special_tokens=False))
            self._heads[head] = known
            while len(self._heads) > remembered_heads:
                self._heads.popitem(last=False)
        return known

    def _rendered_until(
        self, end: int, prompt: ChatPrompt, tools: Sequence[Message] | None
    ) -> str | None:
        """As if the user said something else at message `end`, where later requests may part."""
        other = [*prompt.messages[:end], {"role": "user", "content": "\u2400"}]
        try:
            return self.render(ChatPrompt(other, tools, prompt.options), opening=False)
        except InvalidRequest:
            return None  # the template wants more than this: that boundary is not to be had

    @staticmethod
    def _question(text: str, prompt: ChatPrompt) -> int | None:
        """The character at which the words of the user begin."""
        last = prompt.messages[-1]
        content = text_of(last.get("content"))
        place = text.rfind(content)
        if last["role"] != "user" or not 0 < prompt.own_chars < len(content) or place < 0:
            return None
        return place + len(content) - prompt.own_chars

    @staticmethod
    def _instructions(messages: Sequence[Message]) -> int:
        """Messages before the conversation."""
        return 1 if messages[0]["role"] == "system" else 0

    @staticmethod
    def _last_user(messages: Sequence[Message]) -> int:
        """Where a rewind would leave the conversation."""
        users = [i for i, message in enumerate(messages) if message["role"] == "user"]
        return users[-1] if users else len(messages)


def earlier_questions(text: str, messages: Sequence[Message]) -> Iterator[int]:
    """
    Where the user began to speak, the latest first and ever more sparsely: a rewind leads there.
    Matters when a long history has to be read anew. A text that stands elsewhere too, or that the
    template changes, costs a boundary and nothing else.
    """
    end = len(text)
    back = 0
    for message in reversed(messages):
        content = text_of(message.get("content"))
        if message["role"] != "user" or not content:
            continue
        end = text.rfind(content, 0, end)
        if end < 0:
            return
        back += 1
        if back <= near_questions or not back & (back - 1):
            yield end


def same_message(message: Message) -> str:
    """Equal for messages that say the same; ids of calls and the form of text do not count."""
    calls = [
        [call["function"]["name"], arguments_of(call["function"].get("arguments"))]
        for call in message.get("tool_calls") or []
    ]
    said = [message.get("reasoning_content") or "", text_of(message.get("content")), calls]
    return json.dumps(said, sort_keys=True)


def text_of(content: object) -> str:
    """Text, or a list of text parts, or nothing, as text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content if isinstance(part, dict))
    return ""


def arguments_of(arguments: object) -> object:
    """Templates want an object; what is not JSON stays as it is."""
    if not isinstance(arguments, str):
        return arguments or {}
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments
