"""Generated ids survive a restart, and whatever is wrong with their file."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyclaude_mlx.prefix import answers
from anyclaude_mlx.prefix.answers import Answered, Answers


def answered(number: int) -> Answered:
    return Answered((1, 2, number), f"hash {number}", number, "<|im_start|>assistant\n")


def test_what_was_answered_is_known_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "own" / "answers.jsonl"
    first = Answers(path)
    first.add("a", answered(1))
    first.add("b", answered(2))
    first.add("a", answered(3))

    again = Answers(path)

    assert [again.get(place) for place in "abc"] == [answered(3), answered(2), None]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    Answers(path).add("a", answered(1))
    with path.open("ab") as file:
        file.write(b'["b", {"ids": [1, 2\n[]\n{"x": 1}\n["c", {"ids": ["x"]}]\n["d", null]\n')

    again = Answers(path)

    assert again.get("a") == answered(1)
    assert again.get("b") is None


def test_what_is_written_behind_a_line_that_was_cut_off_is_not_lost_with_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "answers.jsonl"
    Answers(path).add("a", answered(1))
    with path.open("ab") as file:
        file.write(b'["b", {"ids": [1, 2')
    Answers(path).add("c", answered(3))

    again = Answers(path)

    assert [again.get(place) for place in "abc"] == [answered(1), None, answered(3)]


def test_the_newest_are_kept_and_the_file_does_not_grow_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "remembered", 10)
    path = tmp_path / "answers.jsonl"
    known = Answers(path)
    for number in range(95):
        known.add(str(number), answered(number))

    again = Answers(path)

    assert len(path.read_bytes().splitlines()) <= 20
    assert [number for number in range(95) if again.get(str(number))] == list(range(85, 95))


def test_a_disk_that_takes_nothing_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("a file where the folder should be")
    known = Answers(tmp_path / "own" / "answers.jsonl")

    known.add("a", answered(1))

    assert known.get("a") == answered(1)
