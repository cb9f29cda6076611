from __future__ import annotations

import json
import os

import key_values


def test_the_fixture_is_what_mlx_lm_keeps() -> None:
    """`npm run format` brings a new one into shape."""
    rows = key_values.rows()
    if os.environ.get("UPDATE_GOLDEN"):
        key_values.fixture.write_text(json.dumps(rows, indent=2) + "\n")

    assert json.loads(key_values.fixture.read_text()) == rows
