"""A restored prefix gives the tokens of a cold run, for every cache class."""

from __future__ import annotations

import numpy as np
from generating import assistant, begin, generate, user

from anyclaude_mlx.loaded import Loaded


def conversation(turns: int) -> list[dict[str, object]]:
    messages = [user("Read a.txt " * 20)]
    for turn in range(1, turns):
        messages += [
            assistant(f"some words of turn {turn} " * 5),
            user(f"And then {turn}? " * 9),
        ]
    return messages


def test_warm_turns_equal_cold_ones(pair: tuple[Loaded, Loaded]) -> None:
    warm, cold = pair

    for turns in (1, 2, 3, 4):
        expected = generate(cold, conversation(turns))
        actual = generate(warm, conversation(turns))
        assert actual.tokens == expected.tokens
        assert expected.accepted.cached_tokens == 0
        assert (actual.accepted.cached_tokens > 0) == (turns > 1)


def test_exact_repeats_compute_one_token_and_leave_what_they_restore(
    pair: tuple[Loaded, Loaded],
) -> None:
    warm, _ = pair
    first = generate(warm, conversation(2))

    for _ in range(3):
        again = generate(warm, conversation(2))

        assert again.tokens == first.tokens
        assert again.accepted.cached_tokens == len(first.plan.tokens) - 1


def test_a_cancelled_prefill_goes_on_where_it_stopped(
    pair: tuple[Loaded, Loaded],
) -> None:
    warm, cold = pair
    prompt = [user("A long paste. " * 300)]
    _, sequence = begin(warm, prompt)
    sequence.prefill()
    sequence.prefill()
    done = sequence.remaining
    sequence.close()

    again = generate(warm, prompt)

    assert again.accepted.cached_tokens == len(again.plan.tokens) - 1 - done
    assert again.tokens == generate(cold, prompt).tokens


def test_evicted_prefixes_are_computed_again_and_named(full: Loaded) -> None:
    first = generate(full, conversation(1))
    full.cache.make_room(full.cache.max_bytes)

    again = generate(full, conversation(1))

    assert again.tokens == first.tokens
    assert again.accepted.cached_tokens == 0
    assert again.accepted.miss is not None
    assert again.accepted.miss.reason == "evicted"


def test_the_tokens_of_a_prompt_do_not_depend_on_what_was_asked_before(
    full: Loaded,
) -> None:
    prompt = conversation(3)
    before = begin(full, prompt)[0].plan.tokens
    generate(full, conversation(1))

    assert np.array_equal(begin(full, prompt)[0].plan.tokens, before)
