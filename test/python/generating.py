"""Runs sequences to their end, as the worker does, without threads."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from anyclaude_mlx.engine import decode
from anyclaude_mlx.events import Accepted, GenerationEvent, GenerationRequest, Token
from anyclaude_mlx.loaded import Loaded
from anyclaude_mlx.prompt.known import ChatPrompt
from anyclaude_mlx.prompt.prompt import Plan

tools = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("Read", "Write")
]
system = {"role": "system", "content": "You answer in few words. " * 60}


@dataclass
class Run:
    plan: Plan
    events: list[GenerationEvent] = field(default_factory=list)

    @property
    def tokens(self) -> list[int]:
        return [event.id for event in self.events if isinstance(event, Token)]

    @property
    def accepted(self) -> Accepted:
        return next(event for event in self.events if isinstance(event, Accepted))


def generate(loaded: Loaded, messages: list[dict[str, object]], max_tokens: int = 60) -> Run:
    run, sequence = begin(loaded, messages, max_tokens)
    spoken([prefilled(sequence)])
    return run


def prefilled(sequence):  # type: ignore[no-untyped-def]
    while not sequence.prefill():
        pass
    return sequence


def spoken(decoding) -> None:  # type: ignore[no-untyped-def]
    """Until all are complete; each is closed when it is."""
    while decoding:
        decoding = step(decoding)


def saved(loaded: Loaded) -> Loaded:
    """Does what the worker does when there is nothing else to do."""
    while (wait := loaded.idle()) is not None:
        time.sleep(wait)
    return loaded


def step(decoding):  # type: ignore[no-untyped-def]
    """One decode step. Closes those that are complete; the others."""
    done = decode(decoding)
    for sequence in done:
        sequence.close()
    return [sequence for sequence in decoding if sequence not in done]


def begin(loaded: Loaded, messages: list[dict[str, object]], max_tokens: int = 60):  # type: ignore[no-untyped-def]
    plan = loaded.prompter.plan(ChatPrompt([system, *messages], tools))
    run = Run(plan)
    request = GenerationRequest(plan.tokens, plan.boundaries, max_tokens, lasting=plan.lasting)
    return run, loaded.start(request, run.events.append)


def user(text: str) -> dict[str, object]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, object]:
    return {"role": "assistant", "content": text}
