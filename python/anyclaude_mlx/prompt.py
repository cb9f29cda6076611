"""
From messages to tokens, and where later requests may part from them. Knows the chat template and
the tokenizer; knows nothing of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .answers import Answers
from .errors import InvalidRequest
from .events import Tokens
from .known import ChatPrompt, Known, KnownPrompts
from .pieces import Message, Pieces, joined, text_of
from .rendered import Rendered, parting
from .template import Template, called, long_id, say, tool_probe

# The way back to these questions is kept; to earlier ones at powers of two.
near_questions = 4
other_user = say("user", "\u2400")
# One that a client may add later: where it would stand, prompts part.
other_tool = {"type": "function", "function": {"name": "\u2400", "parameters": {}}}


@dataclass(frozen=True, slots=True)
class Plan:
    """
    System and tools are the first `instruction_tokens`; None when the template renders neither
    alone. `boundaries` are where a later request may part from this one; `lasting` are those that
    any later one may, the others only the next. `head` is what the project's conversations begin
    with. `is_whole`: the template has rendered all of it at once.
    """

    rendered: Rendered
    boundaries: tuple[int, ...]
    lasting: frozenset[int]
    instruction_tokens: int | None
    head: Tokens
    is_whole: bool

    @property
    def tokens(self) -> Tokens:
        return self.rendered.tokens

    @property
    def opening(self) -> str:
        """The text behind which the answer begins."""
        return self.rendered.pieces[-1].text


@dataclass(frozen=True, slots=True)
class StandIn:
    """What is rendered in front of an end, the text it makes there, and what opens an answer."""

    messages: list[Message]
    text: str
    opening: str


class Prompter:
    def __init__(self, tokenizer: Any, answers: Answers | None = None) -> None:
        self.template = Template(tokenizer)
        self._pieces = Pieces(tokenizer, answers or Answers())
        self._known = KnownPrompts()
        self._stand_ins: dict[str, StandIn] = {}
        self._renders_ends = True
        self._renders_ends = all(self.is_right(*each) for each in self._tried())
        self._known.forget()

    def plan(self, prompt: ChatPrompt) -> Plan:
        known = self._known.find(prompt) if self._renders_ends else Known()
        view = View(self, prompt, known)
        if len(view.rendered.tokens) == 0:
            raise InvalidRequest(
                "Cannot answer these messages: their template makes no text of them"
            )
        questions = tuple(sorted({*known.questions, *view.questions()}))
        own_words = view.rendered.token_at(view.own_words())
        next_known = view.known(questions)
        self._known.remember(next_known, known)
        lasting = {
            view.instructions,
            view.late_tool,
            next_known.asked,
            own_words,
            *way_back(questions),
        }
        passing = {view.rendered.segment_at(view.opening())}
        end = len(view.rendered.tokens)
        kept, all_kept = (
            {place for place in places if place is not None and 0 < place < end}
            for places in (lasting, lasting | passing)
        )
        is_first = len(view.users) == 1 and own_words is not None
        return Plan(
            rendered=view.rendered,
            boundaries=tuple(sorted(all_kept)),
            lasting=frozenset(kept),
            instruction_tokens=view.instructions,
            head=view.rendered.tokens[: own_words if is_first else view.instructions or 0],
            is_whole=known.before is None,
        )

    def is_right(self, plan: Plan, prompt: ChatPrompt) -> bool:
        """Whether a plan is what the template makes of the whole. If not, ends are not trusted."""
        if not plan.is_whole and self.render(prompt, opening=True) != plan.rendered.text:
            self._renders_ends = False
            return False
        return True

    def render(self, prompt: ChatPrompt, *, opening: bool) -> str:
        return self.template.render(prompt.messages, prompt.tools, prompt.options, opening=opening)

    def remember(
        self, plan: Plan, prompt: ChatPrompt, ids: Sequence[int], message: Message
    ) -> None:
        """`ids` were generated behind `plan`, end token included, and sent as `message`."""
        self._pieces.remember(plan.rendered.pieces[-1], len(prompt.messages), ids, message)

    def what_stands_at(self, position: int, plan: Plan, prompt: ChatPrompt) -> tuple[int, str]:
        """
        The number of the message that this token belongs to, and its role; system and tools are
        `instructions`. Renders the beginning several times: for what is seldom asked.
        """
        if position < (plan.instruction_tokens or 0):
            return 0, "instructions"
        view = View(self, prompt, Known())
        low, high = 0, len(prompt.messages) - 1
        while low < high:
            middle = (low + high + 1) // 2
            begins = view.rendered.segment_at(view.until(middle))
            if begins is not None and begins <= position:
                low = middle
            else:
                high = middle - 1
        return low, str(prompt.messages[low]["role"])

    def stand_in(self, prompt: ChatPrompt) -> StandIn:
        has_system = prompt.messages[0]["role"] == "system" and self.template.has_system
        key = repr((has_system, prompt.options))
        if key not in self._stand_ins:
            messages: list[Message] = [say("system", "\u2400")] if has_system else []

            def asked(text: str, *, opening: bool = False) -> str:
                question = [*messages, say("user", text)]
                return self.render(ChatPrompt(question, None, prompt.options), opening=opening)

            one = asked("a")
            rendered = Rendered(list(self._pieces.of(one, [])), self._pieces.encode)
            begins = rendered.chars[rendered.index(parting(one, asked("b")) or 0)]
            opened = asked("a", opening=True)
            opening = opened[len(one) :] if opened.startswith(one) else ""
            self._stand_ins[key] = StandIn(messages, one[:begins], opening)
        return self._stand_ins[key]

    def _tried(self) -> Iterator[tuple[Plan, ChatPrompt]]:
        """A conversation of every kind of message, as it grows, with and without thinking."""
        calls = called(long_id, 1, 2)
        results = [{**say("tool", "r"), "tool_call_id": call["id"]} for call in calls["tool_calls"]]
        thought = {**say("assistant", "c"), "reasoning_content": "d"}
        said = [say("system", "s"), say("user", "a"), {**calls, "reasoning_content": "t"}]
        said += [*results, thought, say("user", "e"), calls, *results, say("assistant", "f")]
        said += [say("user", "g"), thought, say("user", "h")]
        for until in range(2, len(said) + 1):
            prompt = ChatPrompt(said[:until], [tool_probe])
            try:
                yield self.plan(prompt), prompt
            except InvalidRequest:
                continue  # a conversation that this template does not allow


class View:
    """One prompt, rendered behind what is known of it."""

    def __init__(self, prompter: Prompter, prompt: ChatPrompt, known: Known) -> None:
        self._prompter = prompter
        self._prompt = prompt
        self._known = known
        self._messages = prompt.messages[known.question :]
        self._stand_in = prompter.stand_in(prompt)
        self._tools = None if known.before else prompt.tools
        self._end = self._render(self._messages, opening=True)
        self.users = [i for i, each in enumerate(prompt.messages) if each["role"] == "user"]
        pieces = prompter._pieces
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

    def _where_a_tool_would_stand(self, instructed: int) -> int | None:
        if not self._tools:
            return None
        messages = [*self._messages[:instructed], other_user]
        later = ChatPrompt(messages, [*self._tools, other_tool], self._prompt.options)
        try:
            text = self._prompter.render(later, opening=False)
        except InvalidRequest:
            return None
        return self.rendered.token_at(parting(self._end, text))

    def _render(self, messages: Sequence[Message], *, opening: bool = False) -> str:
        """Of an end: behind the stand-in, which is cut off."""
        in_front, text = self._stand_in.messages, self._stand_in.text
        if not self._known.before:
            in_front, text = [], ""
        prompt = ChatPrompt([*in_front, *messages], self._tools, self._prompt.options)
        return self._prompter.render(prompt, opening=opening)[len(text) :]

    def _whole(self, char: int | None) -> int | None:
        """From the end to the whole prompt."""
        return None if char is None else self._offset + char


def way_back(questions: Sequence[int]) -> Iterator[int]:
    """The latest ones, and ever fewer further back: so many states are affordable."""
    for back, place in enumerate(reversed(questions), 1):
        if back <= near_questions or not back & (back - 1):
            yield place
