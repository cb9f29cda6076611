"""Folders that a server uses are not removed by newer versions."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from anyclaude_mlx.in_use import LOCK, hold


def take_alone(folder: Path) -> None:
    """As whoever removes unused folders does."""
    lock = sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    finally:
        lock.close()


def test_a_folder_in_use_cannot_be_had_alone_until_it_is_given_back(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()

    held = [*hold([tmp_path]), *hold([tmp_path])]

    with pytest.raises(sqlite3.OperationalError, match="locked"):
        take_alone(tmp_path)
    for lock in held:
        lock.close()
    take_alone(tmp_path)
    assert len(held) == 2
    assert (tmp_path / LOCK).read_bytes() == b""


def test_a_folder_of_somebody_else_is_left_as_it_is(tmp_path: Path) -> None:
    assert hold([tmp_path]) == []
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_cannot_be_had_is_no_reason_not_to_serve(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("no database, and longer than a header of one hundred bytes" * 9)

    assert hold([tmp_path]) == []
