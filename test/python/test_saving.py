"""What was computed survives a restart: same tokens, same answers, nothing computed again."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import classes, settings
from generating import assistant, begin, generate, system, tools, user
from test_exactness import conversation

from anyclaude_mlx.__main__ import load
from anyclaude_mlx.known import ChatPrompt
from anyclaude_mlx.loaded import Loaded

# "<|im_start|>assistant\n<think>\n" at the end of a prompt: who comes back with another answer than
# was sent, or with none, computes it again after a restart.
opening = 12


def saved(loaded: Loaded) -> Loaded:
    """Does what the worker does when there is nothing else to do."""
    while (wait := loaded.idle()) is not None:
        time.sleep(wait)
    return loaded


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


def test_damaged_records_are_computed_again(model_folder: dict[str, Path], tmp_path: Path) -> None:
    first = load(settings(model_folder["window"], prefix_folder=tmp_path))
    expected = generate(first, conversation(2))
    saved(first)
    second = load(settings(model_folder["window"], prefix_folder=tmp_path))
    records = sorted(tmp_path.glob("*/*.kv"), key=lambda path: path.stat().st_size)
    for path in records[len(records) // 2 :]:
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)

    actual = generate(second, conversation(2))

    assert actual.tokens == expected.tokens
    saved(second)
    third = load(settings(model_folder["window"], prefix_folder=tmp_path))
    again = generate(third, conversation(2))
    assert again.tokens == expected.tokens
    assert again.accepted.cached_tokens >= len(again.plan.tokens) - 1 - opening


def test_the_disk_holds_no_more_than_it_may(model_folder: dict[str, Path], tmp_path: Path) -> None:
    wanted = replace(
        settings(model_folder["full"], prefix_folder=tmp_path), prefix_disk_bytes=3 << 20
    )
    warm = load(wanted)
    for word in ("one", "two", "three", "four"):
        generate(warm, [user(f"Say {word} " * 400)])
        saved(warm)
        assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) <= 3 << 20

    again = load(wanted)
    last = generate(again, [user("Say four " * 400)])

    assert last.accepted.cached_tokens > 1500
    assert warm.saver is not None


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
