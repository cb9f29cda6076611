"""Models of each cache class, made once for the whole run, and a loaded server side for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from anyclaude_mlx.mlx_engine.blas import prefer_openblas

prefer_openblas()  # before anything imports mlx

from models import make_model  # noqa: E402

from anyclaude_mlx.__main__ import load  # noqa: E402
from anyclaude_mlx.loaded import Loaded  # noqa: E402
from anyclaude_mlx.settings import Settings  # noqa: E402

# How long an example takes says more about what else is running than about the code.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

classes = ["full", "window", "hybrid"]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    root = tmp_path_factory.mktemp("models")
    yield {name: make_model(name, root / name) for name in [*classes, "endless"]}


def settings(
    folder: Path | str,
    *,
    prefix_cache: bool = True,
    prefix_folder: Path | None = None,
    kv_bits: int | None = None,
) -> Settings:
    return Settings(
        model=str(folder),
        host="127.0.0.1",
        port=0,
        idle_exit_seconds=None,
        prefix_cache=prefix_cache,
        prefix_folder=prefix_folder,
        prefix_disk_bytes=1 << 30,
        kv_bits=kv_bits,
        token=None,
    )


@pytest.fixture(params=classes)
def pair(request: pytest.FixtureRequest, model_folder: dict[str, Path]) -> tuple[Loaded, Loaded]:
    """The same model with and without prefix cache."""
    folder = model_folder[request.param]
    return load(settings(folder)), load(settings(folder, prefix_cache=False))


@pytest.fixture
def full(model_folder: dict[str, Path]) -> Loaded:
    return load(settings(model_folder["full"]))
