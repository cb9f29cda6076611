"""The system's OpenBLAS: used where there is one, with the same answers."""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from pathlib import Path

import pytest

from anyclaude_mlx import blas

root = Path(__file__).parents[2]
questions = ["read a.txt", "list files", "write b.txt: some text", "hi"]
answering = f"""
import json, sys
sys.path[:0] = [{str(root / "python")!r}, {str(root / "test" / "python")!r}]
from anyclaude_mlx import blas
blas.library = sys.argv[1]
from anyclaude_mlx.__main__ import load
from conftest import settings
from generating import generate, user
loaded = load(settings("tiny", prefix_cache=False))
answers = [generate(loaded, [user(question)]).tokens for question in {questions!r}]
print(json.dumps([loaded.device.blas, answers]))
"""


def has_openblas() -> bool:
    try:
        return ctypes.CDLL(blas.library) is not None
    except OSError:
        return False


def answers(library: str) -> tuple[str, list[list[int]]]:
    command = [sys.executable, "-c", answering, library]
    said = subprocess.run(command, capture_output=True, check=True)
    name, tokens = json.loads(said.stdout)
    return name, tokens


@pytest.mark.skipif(not has_openblas(), reason="this system has no OpenBLAS")
def test_openblas_gives_the_same_answers() -> None:
    name, fast = answers(blas.library)
    other, stock = answers("no such library")

    assert (name.split()[0], other) == ("OpenBLAS", "reference")
    assert fast == stock
    assert all(len(tokens) > 3 for tokens in fast)
