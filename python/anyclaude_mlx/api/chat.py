"""
One chat request from messages to outputs: plan, generate, parse, remember. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from ..events import Accepted, Finished, GenerationRequest, Miss, Priority, Progress, Token
from ..output.output import Output, Piece, Stopped, ToolCall
from ..prefix.heads import Heads
from ..prompt.known import ChatPrompt
from ..prompt.prompt import Plan, Prompter
from ..worker import Worker
from .wire import Answer, ChatRequest

if TYPE_CHECKING:
    from ..dialect.dialect import Dialect
    from ..grammar.grammar import Grammars


class Speaker(Protocol):
    """What is loaded, as far as text goes."""

    @property
    def window(self) -> int: ...
    @property
    def prompter(self) -> Prompter: ...
    @property
    def dialect(self) -> Dialect: ...
    @property
    def grammars(self) -> Grammars: ...
    @property
    def heads(self) -> Heads: ...


@dataclass(frozen=True, slots=True)
class Said:
    """One output; `call_id` and `index` matter for tool calls."""

    output: Output
    call_id: str
    index: int


@dataclass(frozen=True, slots=True)
class Ended:
    reason: str
    stop_sequence: str | None
    completion_tokens: int
    finished: Finished | None
    answer: Answer


ChatEvent = Accepted | Progress | Said | Ended


class Conversation:
    """The text side of one request."""

    def __init__(self, chat: ChatRequest, speaker: Speaker, plan: Plan) -> None:
        self._chat = chat
        self._speaker = speaker
        self._plan = plan
        self._ids: list[int] = []
        self._answer = Answer()
        self._detokenizer = speaker.dialect.vocabulary.detokenizer()
        self._parser = speaker.dialect.parser(
            chat.prompt.tools or (),
            chat.stops,
            plan.opening,
            formatted=chat.wanted.schema is not None,
        )
        self.stopped: str | None = None

    def hear(self, token: int) -> list[Said]:
        self._ids.append(token)
        return self._hear(self._detokenizer.add(token))

    def end(self, finished: Finished | None) -> tuple[list[Said], Ended]:
        said = self._hear(self._detokenizer.finish())
        if self.stopped is None:
            cut = finished is None or finished.reason == "length"
            said += self._say(self._parser.finish(cut=cut))
        whole = self._speaker.dialect.answers_in_one_turn
        if finished and self.stopped is None and whole:
            ids = [*self._ids, *([] if finished.end_token is None else [finished.end_token])]
            message = self._answer.message()
            self._speaker.prompter.remember(self._plan, self._chat.prompt, ids, message)
        return said, Ended(
            self._reason(finished), self.stopped, len(self._ids), finished, self._answer
        )

    def _reason(self, finished: Finished | None) -> str:
        if finished and finished.reason == "length":
            return "length"
        return "tool_calls" if self._answer.calls and self.stopped is None else "stop"

    def _hear(self, pieces: list[Piece]) -> list[Said]:
        said: list[Said] = []
        for piece in pieces:
            if self.stopped is None:
                said += self._say(self._parser.feed(piece))
        return said

    def _say(self, outputs: Iterator[Output]) -> list[Said]:
        said = []
        for output in outputs:
            if isinstance(output, Stopped):
                self.stopped = output.sequence
                break
            call_id = f"call_{secrets.token_hex(12)}" if isinstance(output, ToolCall) else ""
            said.append(Said(output, call_id, len(self._answer.calls)))
            self._answer.add(output, call_id)
        return said


class Misrendered(Exception):
    """The template makes something else of the whole prompt than of its end alone."""


async def converse(
    chat: ChatRequest, speaker: Speaker, worker: Worker[Any]
) -> AsyncGenerator[ChatEvent]:
    """Closing this generator cancels the request."""
    plan = speaker.prompter.plan(chat.prompt)
    right = None
    if not plan.is_whole:
        right = asyncio.create_task(is_right(plan, chat.prompt, speaker.prompter))
    try:
        async with aclosing(planned(chat, speaker, worker, plan)) as events:
            async for event in events:
                # Nothing is said before it is certain that this was asked.
                if right and not isinstance(event, (Accepted, Progress)) and not await right:
                    raise Misrendered
                yield event
            return
    except Misrendered:
        plan = speaker.prompter.plan(chat.prompt)
    async with aclosing(planned(chat, speaker, worker, plan)) as events:
        async for event in events:
            if not isinstance(event, Accepted):
                yield event


async def is_right(plan: Plan, prompt: ChatPrompt, prompter: Prompter) -> bool:
    """Also counted when nobody waits for it any more."""
    right = await asyncio.to_thread(prompter.is_right, plan, prompt)
    if not right:
        prompter.distrust()
    return right


async def planned(
    chat: ChatRequest, speaker: Speaker, worker: Worker[Any], plan: Plan
) -> AsyncGenerator[ChatEvent]:
    conversation = Conversation(chat, speaker, plan)
    request = to_request(chat, speaker, plan)
    finished: Finished | None = None
    async with aclosing(worker.generate(request)) as events:
        async for event in events:
            if isinstance(event, Accepted):
                miss = event.miss and named(event.miss, plan, chat.prompt, speaker.prompter)
                yield replace(event, miss=miss, instruction_tokens=plan.instruction_tokens)
            elif isinstance(event, Progress):
                yield event
            elif isinstance(event, Token):
                for said in conversation.hear(event.id):
                    yield said
                if conversation.stopped is not None:
                    break
            else:
                finished = event
    rest, ended = conversation.end(finished)
    for said in rest:
        yield said
    if finished and chat.project and chat.priority is Priority.MAIN:
        speaker.heads.remember(chat.project, plan.head)
    yield ended


def to_request(chat: ChatRequest, speaker: Speaker, plan: Plan) -> GenerationRequest:
    room = max(1, speaker.window - len(plan.tokens))
    return GenerationRequest(
        tokens=plan.tokens,
        boundaries=plan.boundaries,
        max_tokens=min(chat.max_tokens, room),
        sampling=chat.sampling,
        priority=chat.priority,
        lasting=plan.lasting,
        guide=speaker.grammars.guide(
            chat.wanted,
            chat.prompt.tools or (),
            thinking=speaker.dialect.opens_thinking(plan.opening),
        ),
        session=chat.session,
        instruction_tokens=plan.instruction_tokens or 0,
    )


def named(miss: Miss, plan: Plan, prompt: ChatPrompt, prompter: Prompter) -> Miss:
    """With what stands where it begins. What was answered once was known before this server ran."""
    forgotten = miss.reason in ("cold", "diverged") and plan.rendered.answered > miss.position
    message, part = prompter.what_stands_at(miss.position, plan, prompt)
    reason = "restarted" if forgotten else miss.reason
    return Miss(reason, miss.position, message, part)
