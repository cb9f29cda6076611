"""
One chat request from messages to outputs: plan, generate, parse, remember. Knows no HTTP.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from .events import Accepted, Finished, GenerationRequest, Progress, Token
from .output import Output, Piece, Stopped, ToolCall
from .prompt import ChatPrompt, Plan, Prompter
from .wire import Answer, ChatRequest
from .worker import Worker

if TYPE_CHECKING:
    from .dialect import Dialect
    from .grammar import Grammars


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
        self._parser = speaker.dialect.parser(chat.prompt.tools or (), chat.stops, plan.opening)
        self.stopped: str | None = None

    def hear(self, token: int) -> list[Said]:
        self._ids.append(token)
        return self._hear(self._detokenizer.add(token))

    def end(self, finished: Finished | None) -> tuple[list[Said], Ended]:
        said = self._hear(self._detokenizer.finish())
        if self.stopped is None:
            said += self._say(self._parser.finish())
        if finished and self.stopped is None:
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


async def converse(
    chat: ChatRequest, speaker: Speaker, worker: Worker[Any]
) -> AsyncGenerator[ChatEvent]:
    """Closing this generator cancels the request."""
    plan = speaker.prompter.plan(chat.prompt)
    conversation = Conversation(chat, speaker, plan)
    room = max(1, speaker.window - len(plan.tokens))
    request = GenerationRequest(
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
    )
    finished: Finished | None = None
    async with aclosing(worker.generate(request)) as events:
        async for event in events:
            if isinstance(event, Accepted):
                yield replace(event, instruction_tokens=plan.instruction_tokens)
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
    yield ended


def count_tokens(prompt: ChatPrompt, speaker: Speaker) -> int:
    return len(speaker.prompter.plan(prompt).tokens)
