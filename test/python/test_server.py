"""A real server process of each cache class: clients that leave, and kill -9 while it writes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from conftest import classes, settings
from crashing import Crashes
from generating import tools
from replaying import prose
from serving import Ours
from witness import Asked, watched

from anyclaude_mlx.__main__ import load
from anyclaude_mlx.prompt.pieces import same_message


@pytest.mark.parametrize("name", classes)
def test_a_client_that_leaves_stops_the_engine_and_loses_nothing(
    name: str, model_folder: dict[str, Path], tmp_path: Path
) -> None:
    pasted = {"role": "user", "content": prose(random.Random(1), 2500)}
    wanted = {"messages": [pasted], "tools": tools, "max_tokens": 30, "temperature": 0}
    server = Ours(model_folder[name], tmp_path)
    try:
        left = server.leave(wanted, chunks_heard=2)
        server.seconds_until_idle()
        again = server.ask(wanted)
        repeated = server.ask(wanted)
    finally:
        server.kill()

    # How many chunks were done before the closing was heard of is a matter of time.
    assert 0 < left.known_as_computed <= again.cached
    assert again.progress[-1][1:] == (again.prompt - 1 - again.cached,) * 2
    assert repeated.cached == repeated.prompt - 1
    cold = watched(load(settings(model_folder[name], prefix_cache=False)))
    expected = same_message(Asked(cold, wanted).prefilled().ended().message)
    assert [same_message(each.message) for each in (again, repeated)] == [expected, expected]


def test_kill_9_while_it_writes_loses_at_most_what_was_not_written(
    model_folder: dict[str, Path], tmp_path: Path
) -> None:
    """Twice; `test/bench/crash.bench.ts` does it fifty times for each class."""
    cold = watched(load(settings(model_folder["hybrid"], prefix_cache=False)))
    crashes = Crashes(model_folder["hybrid"], tmp_path / "kept", cold, seed=4)

    outcomes = [crashes.kill_at_a_random_moment() for _ in range(2)]
    crashes.end()

    for outcome in outcomes:
        assert outcome.is_right
        assert outcome.cached == outcome.known
