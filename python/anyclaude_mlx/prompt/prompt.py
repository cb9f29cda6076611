"""
From messages to tokens, and where later requests may part from them. Knows the chat template and
the tokenizer; knows nothing of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidRequest
from ..events import Tokens
from ..prefix.answers import Answers
from .known import ChatPrompt, Known, KnownPrompts
from .pieces import Message, Pieces
from .rendered import Rendered, parting
from .template import Template, called, long_id, say, tool_probe
from .view import StandIn, View

# The way back to these questions is kept; to earlier ones at powers of two.
near_questions = 4
remembered_stand_ins = 16
# So many wrong ends, and a template is not trusted with them any more.
tolerated = 3


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


class Prompter:
    def __init__(self, tokenizer: Any, answers: Answers | None = None) -> None:
        self.template = Template(tokenizer)
        self.pieces = Pieces(tokenizer, answers or Answers())
        self._known = KnownPrompts()
        self._stand_ins: dict[str, StandIn] = {}
        self._misrendered = 0
        self._renders_ends = True
        self._renders_ends = all(self.is_right(*each) for each in self._tried())
        self._known.forget()

    def plan(self, prompt: ChatPrompt) -> Plan:
        known = self._known.find(prompt) if self._renders_ends else Known()
        view = View(self, prompt, known)
        end = checked(len(view.rendered.tokens))
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

    def count(self, prompt: ChatPrompt) -> int:
        """How many tokens a plan would have."""
        pieces = self.pieces.of(self.render(prompt, opening=True), prompt.messages)
        return checked(sum(len(piece.ids) for piece in pieces))

    def is_right(self, plan: Plan, prompt: ChatPrompt) -> bool:
        """Whether a plan is what the template makes of the whole. For any thread."""
        return plan.is_whole or self.render(prompt, opening=True) == plan.rendered.text

    def distrust(self) -> None:
        """A plan was not right: what it went on from is forgotten, in the end all of it."""
        self._known.forget()
        self._misrendered += 1
        self._renders_ends = self._renders_ends and self._misrendered < tolerated

    def render(self, prompt: ChatPrompt, *, opening: bool) -> str:
        return self.template.render(prompt.messages, prompt.tools, prompt.options, opening=opening)

    def remember(
        self, plan: Plan, prompt: ChatPrompt, ids: Sequence[int], message: Message
    ) -> None:
        """`ids` were generated behind `plan`, end token included, and sent as `message`."""
        self.pieces.remember(plan.rendered.pieces[-1], len(prompt.messages), ids, message)

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
            rendered = Rendered(list(self.pieces.of(one, [])), self.pieces.encode)
            begins = rendered.chars[rendered.index(parting(one, asked("b")) or 0)]
            opened = asked("a", opening=True)
            opening = opened[len(one) :] if opened.startswith(one) else ""
            while len(self._stand_ins) >= remembered_stand_ins:
                del self._stand_ins[next(iter(self._stand_ins))]
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


def checked(tokens: int) -> int:
    if tokens == 0:
        raise InvalidRequest("Cannot answer these messages: their template makes no text of them")
    return tokens


def way_back(questions: Sequence[int]) -> Iterator[int]:
    """The latest ones, and ever fewer further back: so many states are affordable."""
    for back, place in enumerate(reversed(questions), 1):
        if back <= near_questions or not back & (back - 1):
            yield place
