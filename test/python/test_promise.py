"""
What is promised of exactness, and no more, for every cache class over random sessions:

- a state that is restored is the one that was kept, byte for byte;
- going on from it under the same cuts gives the same logits, bit for bit, and the same tokens;
- other cuts, or company in a batch, may change the last bits: logits stay within 1e-4 and tokens
  are the same up to the first whose lead over the second is below ten times the difference.

More examples: `pytest --hypothesis-profile=long`.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import classes, settings
from generating import saved, spoken, tools
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from witness import (
    Asked,
    Heard,
    Record,
    Wrong,
    ask,
    check_other_cuts,
    check_same_cuts,
    watched,
)

from anyclaude_mlx.__main__ import load
from anyclaude_mlx.engine import decode
from anyclaude_mlx.loaded import Loaded

Message = dict[str, Any]
common: dict[str, Any] = {
    "deadline": None,
    "database": None,
    "print_blob": True,
    "suppress_health_check": list(HealthCheck),
}
profile.register_profile(
    "short",
    max_examples=1,
    derandomize="CI" in os.environ,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes
    **common,
)
profile.register_profile("long", max_examples=100, **common)
profile.load_profile("short")

system: Message = {"role": "system", "content": "You answer in few words. " * 25}
words = "bade figo kula meni sapo ruta zovi".split()
actions = ["next", "next", "next", "fork", "rewind", "repeat", "cancel", "stop", "evict"]
actions += ["save some", "restart", "save and restart"]
steps = st.lists(
    st.tuples(st.sampled_from(actions), st.integers(0, 10_000)), min_size=4, max_size=8
)


@pytest.fixture(scope="module")
def reference(model_folder: dict[str, Path]) -> Iterator[dict[str, Loaded]]:
    """Nothing is ever restored in these."""
    yield {
        name: watched(load(settings(model_folder[name], prefix_cache=False))) for name in classes
    }


def body(messages: list[Message], most: int = 25) -> Message:
    return {"messages": messages, "tools": tools, "max_tokens": most, "temperature": 0}


def user(number: int, length: int) -> Message:
    said = [words[(number * 7 + place * place) % len(words)] for place in range(length)]
    return {"role": "user", "content": " ".join(said)}


class Session:
    """One server with a disk, several conversations, and whatever may happen to them."""

    def __init__(self, model: Path, prefixes: Path, reference: Loaded) -> None:
        self.model = model
        self.prefixes = prefixes
        self.reference = reference
        self.records: list[Record] = []
        self.talks: list[list[Message]] = [[system, user(1, 60)]]
        self.restart()
        self.answer(self.talks[0])

    def restart(self) -> None:
        loaded = load(settings(self.model, prefix_folder=self.prefixes))
        self.loaded = watched(loaded, self.records)

    def act(self, action: str, number: int) -> None:
        talk = self.talks[number % len(self.talks)]
        match action:
            case "fork":
                shared = str(system["content"])[: 40 * (number % 15)]
                other = {"role": "system", "content": f"{shared} {number}"}
                talk = [other, *talk[1:2], user(number, 5)]
                self.talks.append(talk)
            case "rewind":
                asked = [i for i, message in enumerate(talk) if message["role"] == "user"]
                talk[asked[number % len(asked)] :] = [user(number, 20)]
            case "cancel" | "stop":
                talk[-1:] = [user(number, 100 + number % 300)]
                self.leave(talk, action, number)
            case "evict":
                cache = self.loaded.cache
                cache.make_room(cache.max_bytes - cache.nbytes * (number % 4) // 4)
            case "save some":
                for _ in range(number % 9):
                    self.loaded.idle()
                    time.sleep(0.003)
            case "restart":
                self.restart()
            case "save and restart":
                saved(self.loaded)
                self.restart()
        self.answer(talk, repeated=action == "repeat")

    def leave(self, talk: list[Message], action: str, number: int) -> None:
        asked = Asked(self.loaded, body(talk))
        if action == "stop":
            asked.prefilled()
            for _ in range(number % 12):
                if decode([asked.sequence]):
                    break
        for _ in range(number % 4 if action == "cancel" else 0):
            if asked.sequence.prefill(64 + number % 100):
                break
        asked.sequence.close()

    def answer(self, talk: list[Message], *, repeated: bool = False) -> None:
        heard = ask(self.loaded, body(talk))
        self.check(heard, body(talk))
        if repeated:
            for _ in range(2):
                again = ask(self.loaded, body(talk))
                assert again.accepted.cached_tokens == len(again.prompt) - 1
                self.check(again, body(talk))
        talk.append(heard.message)
        calls = heard.message.get("tool_calls") or []
        results = [
            {"role": "tool", "tool_call_id": call["id"], "content": f"result {place}"}
            for place, call in enumerate(calls)
        ]
        talk += results or [user(len(talk), 9)]

    def check(self, heard: Heard, wanted: Message) -> None:
        if heard.record.cuts_are_known:
            check_same_cuts(self.reference, heard)
        cold = Asked(self.reference, wanted, heard.prompt).prefilled().ended()
        check_other_cuts(heard, cold)
        self.reference.model.forget()  # type: ignore[attr-defined]


# Whatever chance leaves out: forks at one place, repeats, and all again from disk.
every = [("repeat", 0), ("fork", 7), ("fork", 22), ("save and restart", 1), ("rewind", 5)]
every += [("fork", 52), ("cancel", 250), ("evict", 2), ("restart", 0), ("stop", 107)]


@pytest.mark.parametrize("name", classes)
@example(taken=every)
@given(taken=steps)
def test_whatever_happens_restored_is_what_was_computed(
    name: str,
    taken: list[tuple[str, int]],
    model_folder: dict[str, Path],
    reference: dict[str, Loaded],
) -> None:
    with tempfile.TemporaryDirectory() as prefixes:
        session = Session(model_folder[name], Path(prefixes), reference[name])
        for action, number in taken:
            session.act(action, number)


@pytest.mark.parametrize("name", classes)
def test_one_wrong_token_in_a_kept_prefix_is_noticed(
    name: str, model_folder: dict[str, Path], reference: dict[str, Loaded]
) -> None:
    """The tree is made to believe that what it holds was computed for another token."""
    changed = 0
    for place in range(1, 7):
        records: list[Record] = []
        warm = watched(load(settings(model_folder[name])), records)
        wanted = body([system, user(place, 60)])
        right = ask(warm, wanted)
        wrong = right.prompt.copy()
        at = len(wrong) * place // 7 if place < 4 else len(wrong) - 8 - 40 * (place - 4)
        wrong[at] = wrong[at - 1] if wrong[at] != wrong[at - 1] else wrong[at - 2]
        for node, end in list(warm.cache.path(right.prompt)):
            if node.start < at < end:
                node.tokens[at - node.start] = wrong[at]
        mistaken = lambda: Asked(warm, wanted, wrong).prefilled().ended()  # noqa: B023, E731

        with pytest.raises(Wrong, match=f"row {at} of"):
            mistaken()
        for record in records:  # as if nobody looked at bytes
            record.tokens[at : at + 1] = wrong[at : at + 1].tolist()
        heard = mistaken()

        assert heard.accepted.cached_tokens == len(wrong) - 1
        if heard.record.cuts_are_known:
            with pytest.raises(Wrong, match="under the same cuts"):
                check_same_cuts(reference[name], heard)
        cold = Asked(reference[name], wanted, wrong).prefilled().ended()
        with pytest.raises(Wrong):
            check_other_cuts(heard, cold)
        changed += heard.generated != cold.generated
    assert changed > 0, "answers did not depend on the prefix: the model tests nothing"


@pytest.mark.parametrize("name", classes)
def test_other_cuts_and_company_change_no_more_than_is_promised(
    name: str, model_folder: dict[str, Path], reference: dict[str, Loaded]
) -> None:
    talks = [body([system, user(number, 40 + 60 * number)], 40) for number in range(3)]
    cold = [ask(reference[name], talk) for talk in talks]

    for most in (7, 64, 500):
        warm = watched(load(settings(model_folder[name])))
        check_other_cuts(ask(warm, talks[2], most), cold[2])
    warm = watched(load(settings(model_folder[name])))
    assert warm.decodes_together
    together = [Asked(warm, talk).prefilled() for talk in talks]
    spoken([each.sequence for each in together])

    for each, alone in zip(together, cold, strict=True):
        check_other_cuts(each.heard(), alone)


@pytest.mark.parametrize("name", classes)
def test_a_restart_loses_nothing_of_what_was_written(
    name: str, model_folder: dict[str, Path], tmp_path: Path
) -> None:
    """The next turn, a rewind, a new conversation, and a fork that was learned after writing."""
    records: list[Record] = []

    def opened() -> Loaded:
        return watched(load(settings(model_folder[name], prefix_folder=tmp_path)), records)

    def other(number: int) -> Message:
        shared = {"role": "system", "content": f"{str(system['content'])[:300]} {number}"}
        return body([shared, user(number, 30)])

    first = opened()
    talk = [system, user(1, 40)]
    for turn in range(2):
        heard = ask(first, body(talk))
        talk += [heard.message, user(turn, 3)]
        saved(first)
    ask(first, other(1))
    saved(first)

    wanted = [body(talk), body([*talk[:-3], user(8, 9)]), body([system, user(9, 9)]), other(2)]
    known = [Asked(first, each) for each in wanted]
    for each in known:
        each.sequence.close()
    again = [Asked(opened(), each) for each in wanted]

    for before, after in zip(known, again, strict=True):
        assert after.accepted.cached_tokens == before.accepted.cached_tokens
    assert again[0].accepted.cached_tokens == len(heard.prompt) + len(heard.generated)
    assert again[3].accepted.cached_tokens > 100


def test_another_process_restores_the_same_bytes(
    model_folder: dict[str, Path], tmp_path: Path, reference: dict[str, Loaded]
) -> None:
    wanted = body([system, user(3, 80)])
    kept: dict[str, tuple[str, list[Record]]] = {}
    for name in classes:
        first = watched(load(settings(model_folder[name], prefix_folder=tmp_path)))
        ask(first, wanted)
        saved(first)
        kept[name] = (str(model_folder[name]), first.model._records)  # type: ignore[attr-defined]

    heard = in_another_process(tmp_path, kept, wanted)

    for name, one in heard.items():
        assert one.accepted.cached_tokens > 150
        assert one.record.cuts_are_known
        check_same_cuts(reference[name], one)


another = """
import pickle, sys
from conftest import settings
from witness import ask, load, watched
prefixes, kept, wanted = pickle.load(sys.stdin.buffer)
heard = {
    name: ask(watched(load(settings(model, prefix_folder=prefixes)), records), wanted)
    for name, (model, records) in kept.items()
}
sys.stdout.buffer.write(pickle.dumps(heard))
"""


def in_another_process(
    prefixes: Path, kept: dict[str, tuple[str, list[Record]]], wanted: Message
) -> dict[str, Heard]:
    here = Path(__file__).parent
    child = subprocess.run(
        [sys.executable, "-c", another],
        input=pickle.dumps((prefixes, kept, wanted)),
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": f"{here}:{here.parents[1] / 'python'}"},
    )
    heard: dict[str, Heard] = pickle.loads(child.stdout)
    return heard
