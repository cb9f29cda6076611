"""
The replay of `test/bench/replay.py` in short, over HTTP, with kill -9 and a client that leaves:
nothing is prefilled that was computed before.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import classes
from replaying import Referee, Session, faults, first_fork, kinds
from serving import Ours

from anyclaude_mlx.mlx_engine.loading import load_by_name


@pytest.mark.parametrize("name", classes)
def test_a_session_of_the_shape_of_claude_code_wastes_nothing(
    name: str, model_folder: dict[str, Path], tmp_path: Path
) -> None:
    loaded = load_by_name(str(model_folder[name]))
    session = Session(
        lambda: Ours(model_folder[name], tmp_path),
        Referee(loaded.tokenizer, tmp_path),
        turns=10,
        scale=0.03,
    )

    rows = session.run()

    assert {row.kind for row in rows} == set(kinds)
    assert faults(rows, loaded.model.any_position) == []
    shared = max(row.prompt for row in rows if row.kind == first_fork)
    assert sum(row.wasted for row in rows) < shared
