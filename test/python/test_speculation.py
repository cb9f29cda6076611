"""Drafts from what was said before: taken when right, used when they pay, never heard otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import settings
from generating import assistant, begin, generate, prefilled, user

from anyclaude_mlx.__main__ import load
from anyclaude_mlx.engine import decode
from anyclaude_mlx.loaded import Loaded
from anyclaude_mlx.speculation import Speculation, draft_tokens


def history(*tokens: int) -> np.ndarray:
    return np.array(tokens, np.int32)


def test_a_draft_is_what_followed_the_newest_tokens_last_time() -> None:
    drafting = Speculation(history(1, 2, 3, 4, 5, 1, 2, 3, 8, 9, 7, 1, 2), 100)

    drafting.hear([3])

    assert drafting.draft() == [8, 9, 7, 1, 2, 3]


@pytest.mark.parametrize("tokens", [(1, 2), (1, 2, 3), (1, 2, 3, 4, 5, 6), (2, 3, 5, 1, 2, 3)])
def test_there_is_no_draft_for_what_was_never_said(tokens: tuple[int, ...]) -> None:
    assert Speculation(history(*tokens), 9).draft() == []


def said(drafting: Speculation, tokens: list[int], seconds: float = 1.0) -> None:
    for token in tokens:
        drafting.hear([token])
        drafting.took(seconds, drafted=False)


def test_drafting_starts_when_it_would_have_been_right() -> None:
    drafting = Speculation(history(*range(40)), 200)
    assert not drafting.pays

    said(drafting, [*range(40), *range(40)])

    assert drafting.pays


def test_drafting_stops_when_it_is_wrong_or_slow_and_slowness_is_measured_again() -> None:
    drafting = Speculation(history(*range(40)), 4000)
    said(drafting, [*range(40)])
    drafting.took(100.0, drafted=True)
    assert not drafting.pays
    said(drafting, [*range(40)] * 20)
    assert drafting.pays

    said(drafting, [1, 2, 3, 50] * 60)
    # What it drafts by now is right again; words that only begin the same are not.
    said(drafting, [token for i in range(60) for token in (1, 2, 3, 100 + i)])

    assert not drafting.pays


@pytest.mark.parametrize("right", [0, 1, 3, 8])
def test_answers_with_drafts_are_those_without(
    right: int, full: Loaded, model_folder: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drafts of which so many tokens are right; what was computed serves the next turn."""
    cold = load(settings(model_folder["full"], prefix_cache=False))
    messages = [user("Read a.txt and say it again " * 9)]
    expected = generate(cold, messages)
    prompt = len(expected.plan.tokens)

    def draft(self: Speculation) -> list[int]:
        rest = expected.tokens[self._length - prompt :][:draft_tokens]
        return [*rest[:right], *(token ^ 1 for token in rest[right:])]

    monkeypatch.setattr(Speculation, "draft", draft)
    monkeypatch.setattr(Speculation, "pays", property(lambda _: True))
    run, sequence = begin(full, messages)
    prefilled(sequence)
    steps = 1
    while not decode([sequence]):
        steps += 1
    sequence.close()
    monkeypatch.undo()

    assert run.tokens == expected.tokens
    assert (steps < len(run.tokens)) == (right > 0)
    following = [*messages, assistant(full.tokenizer.decode(run.tokens)), user("And then?")]
    again = generate(full, following)
    assert again.tokens == generate(cold, following).tokens
    assert again.accepted.cached_tokens > prompt - 10


def test_a_draft_past_the_limit_is_not_heard(full: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [user("Read a.txt and say it again " * 9)]
    expected = generate(full, messages)
    prompt = len(expected.plan.tokens)
    monkeypatch.setattr(
        Speculation, "draft", lambda self: expected.tokens[self._length - prompt :][:draft_tokens]
    )
    monkeypatch.setattr(Speculation, "pays", property(lambda _: True))

    run = generate(full, messages, 5)

    assert run.tokens == expected.tokens[:5]


def test_layers_that_cannot_take_back_a_token_never_draft(
    pair: tuple[Loaded, Loaded], monkeypatch: pytest.MonkeyPatch
) -> None:
    warm, cold = pair
    monkeypatch.setattr(Speculation, "pays", property(lambda _: True))
    messages = [user("Read a.txt")]

    assert generate(warm, messages).tokens == generate(cold, messages).tokens
