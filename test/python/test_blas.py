"""The system's OpenBLAS: used where there is one, with the same answers."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import settings
from generating import generate, user

from anyclaude_mlx.__main__ import load
from anyclaude_mlx.mlx_engine import blas

root = Path(__file__).parents[2]
questions = ["read a.txt", "list files", "write b.txt: some text", "hi"]
answering = f"""
import json, sys
sys.path[:0] = [{str(root / "python")!r}, {str(root / "test" / "python")!r}]
from anyclaude_mlx.mlx_engine import blas
blas.library = "no such library"
from test_blas import answers
print(json.dumps(answers()))
"""


def has_openblas() -> bool:
    try:
        return ctypes.CDLL(blas.library) is not None
    except OSError:
        return False


def answers() -> tuple[str | None, list[list[int]]]:
    loaded = load(settings("tiny", prefix_cache=False))
    tokens = [generate(loaded, [user(question)]).tokens for question in questions]
    return loaded.device.blas, tokens


@pytest.mark.skipif(not has_openblas(), reason="this system has no OpenBLAS")
def test_openblas_gives_the_same_answers() -> None:
    said = subprocess.run([sys.executable, "-c", answering], capture_output=True, check=True)
    other, stock = json.loads(said.stdout)

    name, fast = answers()

    assert (str(name).split()[0], other) == ("OpenBLAS", "reference")
    assert fast == stock
    assert all(len(tokens) > 3 for tokens in fast)
