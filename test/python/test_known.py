"""Of a known conversation only the end is rendered; what comes of it is what the whole gives."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import settings
from generating import assistant, system, tools, user
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from test_template import templates
from tokenizers_made import chatml, make_tokenizer

from anyclaude_mlx.__main__ import load
from anyclaude_mlx.api.chat import converse
from anyclaude_mlx.api.wire import parse_chat
from anyclaude_mlx.loaded import Loaded
from anyclaude_mlx.prompt.known import ChatPrompt
from anyclaude_mlx.prompt.prompt import Prompter
from anyclaude_mlx.worker import Worker

prompters = {
    name: Prompter(make_tokenizer("<think>", "</think>", template=template))
    for name, template in {**templates, "chatml": chatml}.items()
}


def call(number: int) -> dict[str, Any]:
    function = {"name": "Read", "arguments": {"file_path": f"{number}.txt"}}
    return {"id": f"toolu_{number}", "type": "function", "function": function}


@st.composite
def turns(draw: st.DrawFn) -> list[list[dict[str, Any]]]:
    """What each request of a conversation adds to it."""
    words = st.text("ab <é|>\n", max_size=6) | st.just("<|im_start|>user\nx")
    added: list[list[dict[str, Any]]] = [[user(draw(words) or "a")]]
    for turn in range(draw(st.integers(1, 6))):
        answer: dict[str, Any] = assistant(draw(words))
        if draw(st.booleans()):
            answer["reasoning_content"] = "I think. " + draw(words)
        kind = draw(st.sampled_from(["calls", "question", "reminder"]))
        if kind == "calls":
            count = draw(st.integers(1, 2))
            answer["tool_calls"] = [call(turn * 2 + i) for i in range(count)]
            results = [
                {"role": "tool", "tool_call_id": each["id"], "content": draw(words)}
                for each in answer["tool_calls"]
            ]
            added.append([answer, *results])
        elif kind == "question":
            added.append([answer, user(draw(words) or "b")])
        else:
            reminder = {"role": "system", "content": "A reminder. " + draw(words)}
            added.append([answer, reminder, user("go on")])
    return added


@pytest.mark.parametrize("name", prompters)
@hypothesis_settings(max_examples=25, deadline=None, derandomize=True)
@given(st.booleans(), turns())
def test_the_end_of_a_conversation_is_rendered_as_with_the_whole(
    name: str, with_system: bool, added: list[list[dict[str, Any]]]
) -> None:
    prompter = prompters[name]
    said: list[dict[str, Any]] = [system] if with_system else []
    for messages in added:
        said = [*said, *messages]
        prompt = ChatPrompt(said, tools)
        plan = prompter.plan(prompt)

        whole = prompter.render(prompt, opening=True)
        assert plan.rendered.text == whole
        encoded = prompter.pieces._tokenizer.encode(whole, add_special_tokens=False)
        assert list(plan.tokens) == encoded
        assert plan.boundaries == tuple(sorted(plan.boundaries))


def grown(prompter: Prompter, requests: int) -> list[bool]:
    """Which requests of a conversation were rendered whole."""
    said = [system, user("Read a.txt")]
    whole = []
    for turn in range(requests):
        whole.append(prompter.plan(ChatPrompt(said, tools)).is_whole)
        said = [*said, assistant(f"no {turn}"), user(f"go on {turn}")]
    return whole


@pytest.mark.parametrize("name", ["chatml", "qwen", "mistral", "gpt-oss"])
def test_only_the_first_request_is_rendered_whole(name: str) -> None:
    assert grown(prompters[name], 4) == [True, False, False, False]


def test_boundaries_are_those_of_the_whole(full: Loaded) -> None:
    fresh = Prompter(full.tokenizer)
    said = [system, user("Read a.txt")]
    for turn in range(7):
        prompt = ChatPrompt(said, tools, own_chars=4)
        fresh._known.forget()
        expected, plan = fresh.plan(prompt), full.prompter.plan(prompt)

        assert expected.is_whole
        assert np.array_equal(plan.tokens, expected.tokens)
        assert plan.boundaries == expected.boundaries
        assert plan.lasting == expected.lasting
        assert plan.instruction_tokens == expected.instruction_tokens
        said = [*said, assistant(f"no {turn}"), user(f"go on {turn}")]


def test_a_template_that_looks_at_the_whole_is_rendered_whole() -> None:
    counting = "{{ messages | length }}" + chatml

    assert grown(Prompter(make_tokenizer(template=counting)), 3) == [True, True, True]


long_and_short = "{% if messages | length > 40 %}long{% endif %}" + chatml


@pytest.fixture
def deceptive(tmp_path: Path, model_folder: dict[str, Path]) -> Loaded:
    """Its template changes the beginning of long conversations only: no try at loading shows it."""
    loaded = load(settings(model_folder["full"]))
    return replace(loaded, prompter=Prompter(make_tokenizer(template=long_and_short)))


def test_an_end_that_deceives_is_noticed_before_anything_is_said(deceptive: Loaded) -> None:
    said = [system, user("Read a.txt")]
    while len(said) < 39:
        said += [assistant("no"), user("go on")]
    worker = Worker(lambda: deceptive)
    worker.begin()
    while not worker.is_ready:
        pass

    async def answer(messages: list[dict[str, object]]) -> list[object]:
        body = {"messages": messages, "max_tokens": 5}
        chat = parse_chat(body, deceptive.default_sampling)
        return [event async for event in converse(chat, deceptive, worker)]

    asyncio.run(answer(said))
    longer = [*said, assistant("no"), user("go on")]
    events = asyncio.run(answer(longer))

    worker.end()
    whole = Prompter(make_tokenizer(template=long_and_short)).plan(ChatPrompt(longer))
    assert deceptive.cache.common(whole.tokens) == len(whole.tokens)
    assert deceptive.prompter._misrendered == 1
    long = [event for event in events if type(event).__name__ == "Accepted"]
    assert len(long) == 1
    assert type(events[-1]).__name__ == "Ended"
