"""What was computed survives a restart: same tokens, same answers, nothing computed again."""

from __future__ import annotations

import itertools
import os
import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import classes, settings
from generating import assistant, begin, generate, saved, system, tools, user
from rows import ListRows, TokenState
from test_exactness import conversation

from anyclaude_mlx.__main__ import load
from anyclaude_mlx.prefix.cache import PrefixCache
from anyclaude_mlx.prefix.record_file import Damaged, Packed, Record, read_header
from anyclaude_mlx.prefix.saving import Saver, size_of
from anyclaude_mlx.prefix.store import Store, name_of
from anyclaude_mlx.prompt.known import ChatPrompt

# "<|im_start|>assistant\n<think>\n" at the end of a prompt: who comes back with another answer than
# was sent, or with none, computes it again after a restart.
opening = 12


@pytest.mark.parametrize("name", classes)
def test_a_restart_goes_on_where_it_was(
    name: str, model_folder: dict[str, Path], tmp_path: Path
) -> None:
    open_model = lambda: load(settings(model_folder[name], prefix_folder=tmp_path))  # noqa: E731
    first = open_model()
    for turns in (1, 2, 3):
        generate(first, conversation(turns))
    before = begin(first, conversation(4))[0].accepted
    saved(first)

    second = open_model()
    actual = generate(second, conversation(4))
    repeated = generate(second, conversation(4))

    lost = before.cached_tokens - actual.accepted.cached_tokens
    assert 0 <= lost <= (0 if name == "full" else opening)
    cold = load(settings(model_folder[name], prefix_cache=False))
    assert actual.tokens == generate(cold, conversation(4)).tokens == repeated.tokens
    assert repeated.accepted.cached_tokens == len(repeated.plan.tokens) - 1


def test_memory_that_is_freed_is_read_from_disk_again(
    model_folder: dict[str, Path], tmp_path: Path
) -> None:
    warm = load(settings(model_folder["hybrid"], prefix_folder=tmp_path))
    first = generate(warm, conversation(2))
    saved(warm)
    warm.cache.make_room(warm.cache.max_bytes)
    assert warm.cache.nbytes == 0

    again = generate(warm, conversation(2))

    assert again.tokens == first.tokens
    assert again.accepted.cached_tokens >= len(again.plan.tokens) - 1 - opening
    assert warm.cache.evicted == 0


talks = [
    conversation(1),
    conversation(2),
    [*conversation(1), assistant("no"), user("Rather something else")],
    [user("Say it again " * 30)],
]


@pytest.mark.parametrize("name", classes)
def test_a_flipped_bit_in_every_record_is_noticed_and_answers_are_the_same(
    name: str, model_folder: dict[str, Path], tmp_path: Path
) -> None:
    chance = random.Random(name)
    first = load(settings(model_folder[name], prefix_folder=tmp_path))
    expected = [generate(first, talk, 25).tokens for talk in talks]
    saved(first)
    for path in records_in(tmp_path):
        whole = path.read_bytes()
        for place in places_in(path, chance):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << chance.randrange(8)
            path.write_bytes(flipped)
            assert is_noticed(path), (path, place)
        path.write_bytes(whole)

    for part in range(3):  # of every record: a bit in its header, its tokens, its arrays
        for path in records_in(tmp_path):
            flipped = bytearray(path.read_bytes())
            flipped[places_in(path, chance)[part]] ^= 1 << chance.randrange(8)
            path.write_bytes(flipped)
        again = load(settings(model_folder[name], prefix_folder=tmp_path))
        assert [generate(again, talk, 25).tokens for talk in talks] == expected
        saved(again)


def records_in(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*/*.kv"))
    assert len(found) > 5
    return found


def places_in(path: Path, chance: random.Random) -> list[int]:
    """A byte of the header, one of the tokens, one of the arrays."""
    header, start = read_header(path)
    arrays = start + 4 * (header["end"] - header["start"])
    size = path.stat().st_size
    return [
        chance.randrange(start),
        chance.randrange(start, arrays),
        chance.randrange(arrays, size),
    ]


def is_noticed(path: Path) -> bool:
    """By the scan or by reading; on a link, because a scan removes what is damaged."""
    with tempfile.TemporaryDirectory(dir=path.parents[1]) as folder:
        os.link(path, Path(folder) / path.name)
        store = Store(Path(folder), 1 << 40)
        headers = list(store._headers())
        if store.damaged:
            return True
        try:
            assert store.read(headers[0][0]).arrays is not None
        except Damaged:
            return True
        return False


@pytest.mark.parametrize("name", classes)
def test_the_disk_never_holds_more_than_it_may(
    name: str, model_folder: dict[str, Path], tmp_path: Path
) -> None:
    ask = settings(model_folder[name], prefix_folder=tmp_path)
    warm = load(ask)
    generate(warm, [user("Say 0 " * 60)], 5)
    saved(warm)
    cap = int(1.5 * bytes_in(tmp_path))
    warm = load(replace(ask, prefix_disk_bytes=cap))
    written = set(tmp_path.glob("*/*.kv"))
    for number in range(1, 9):
        generate(warm, [user(f"Say {number} " * 60)], 5)
        while (wait := warm.idle()) is not None:
            assert bytes_in(tmp_path) <= cap
            time.sleep(wait)
        written |= set(tmp_path.glob("*/*.kv"))

    assert len(written) > len(records_in(tmp_path)), "the cap was never reached"
    last = generate(load(ask), [user("Say 8 " * 60)], 5)
    assert last.accepted.cached_tokens >= len(last.plan.tokens) - 1 - opening


def bytes_in(folder: Path) -> int:
    return sum(size for own in folder.iterdir() for size in size_of(own))


def test_records_of_another_model_are_not_read_and_go_first(
    model_folder: dict[str, Path], tmp_path: Path
) -> None:
    other = load(settings(model_folder["full"], prefix_folder=tmp_path))
    generate(other, conversation(1))
    saved(other)

    warm = load(settings(model_folder["hybrid"], prefix_folder=tmp_path))

    assert generate(warm, conversation(1)).accepted.cached_tokens == 0
    small = replace(
        settings(model_folder["hybrid"], prefix_folder=tmp_path), prefix_disk_bytes=1 << 10
    )
    load(small)
    assert list(tmp_path.glob("*/*.kv")) == []


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))])
def test_records_inside_others_keep_their_states_in_whatever_order_they_are_found(
    order: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "own", 1 << 20)
    tokens = np.arange(9, dtype=np.int32)
    for end in (4, 5, 7, 9):
        record = Record(name_of([tokens[:end]]), "", 0, end, True, 0)
        store.write(record, tokens[:end], Packed(None, []))
    found = sorted(store.scan(), key=lambda each: each[0].end)
    monkeypatch.setattr(store, "scan", lambda: [found[place] for place in order])
    cache: PrefixCache[ListRows, TokenState] = PrefixCache(1 << 20, any_position=False)

    Saver(cache, store, lambda *_: Packed(None, [])).load()

    path = list(cache.path(tokens))
    assert [end for node, end in path if node.has_state] == [4, 5, 7, 9]


def test_generated_ids_are_put_back_after_a_restart(
    model_folder: dict[str, Path], tmp_path: Path
) -> None:
    first = load(settings(model_folder["full"], prefix_folder=tmp_path))
    prompt = ChatPrompt([system, *conversation(1)], tools)
    plan = first.prompter.plan(prompt)
    words = first.tokenizer.encode(" bade", add_special_tokens=False)
    odd = [*first.tokenizer.encode("b", add_special_tokens=False), *words]
    odd.append(next(iter(first.tokenizer.eos_token_ids)))
    first.prompter.remember(plan, prompt, odd, assistant("b bade"))

    second = load(settings(model_folder["full"], prefix_folder=tmp_path))
    longer = [system, *conversation(1), assistant("b bade"), user("go on")]
    tokens = list(second.prompter.plan(ChatPrompt(longer, tools)).tokens)

    assert tokens[: len(plan.tokens) + len(odd)] == [*plan.tokens, *odd]


def test_a_failure_of_saving_is_nobody_elses(
    model_folder: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm = load(settings(model_folder["full"], prefix_folder=tmp_path))
    first = generate(warm, conversation(1))
    assert warm.saver is not None

    def broken(*_: object) -> None:
        raise RuntimeError("no memory for a copy")

    monkeypatch.setattr(warm.saver, "_pack", broken)
    assert warm.idle() is None
    monkeypatch.undo()

    assert generate(warm, conversation(1)).tokens == first.tokens
    saved(warm)
    again = generate(load(settings(model_folder["full"], prefix_folder=tmp_path)), conversation(1))
    assert again.accepted.cached_tokens == len(again.plan.tokens) - 1
