"""Keys and values in fewer bits: kept, cut, joined, written and read like any others."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import settings
from generating import assistant, begin, generate, prefilled, saved, spoken, user
from test_exactness import conversation

from anyclaude_mlx.__main__ import load
from anyclaude_mlx.errors import ModelFailed
from anyclaude_mlx.loaded import Loaded


@pytest.fixture(params=[("full", 8), ("full", 4), ("hybrid", 8), ("window", 8)], ids=str)
def quantised(request: pytest.FixtureRequest, model_folder: dict[str, Path]) -> tuple[Path, int]:
    name, bits = request.param
    return model_folder[name], bits


def server(quantised: tuple[Path, int], **options: object) -> Loaded:
    folder, bits = quantised
    return load(settings(folder, kv_bits=bits, **options))  # type: ignore[arg-type]


def test_turns_rewinds_and_eviction_equal_cold_runs(quantised: tuple[Path, int]) -> None:
    warm, cold = server(quantised), server(quantised, prefix_cache=False)
    assert "QuantizedKVCache" in warm.cache_classes

    for messages in (
        conversation(2),
        conversation(3),
        [*conversation(2), assistant("no"), user("Something else entirely")],
        conversation(3),
    ):
        actual = generate(warm, messages)
        warm.cache.max_bytes = warm.cache.nbytes - 1
        warm.cache.make_room(0)
        warm.cache.max_bytes = 1 << 30
        assert actual.tokens == generate(cold, messages).tokens


def test_a_restart_goes_on_from_disk(quantised: tuple[Path, int], tmp_path: Path) -> None:
    first = server(quantised, prefix_folder=tmp_path)
    generate(first, conversation(2))
    saved(first)

    second = server(quantised, prefix_folder=tmp_path)
    again = generate(second, conversation(2))

    assert again.accepted.cached_tokens >= again.accepted.prompt_tokens - 14  # the opening
    assert again.tokens == generate(server(quantised, prefix_cache=False), conversation(2)).tokens


def test_several_decode_in_one_step(quantised: tuple[Path, int]) -> None:
    loaded = server(quantised)
    assert loaded.decodes_together
    questions = [[user("Read a.txt")], [user("list files " * 9)]]
    alone = [generate(loaded, messages, 20).tokens for messages in questions]

    running = [begin(loaded, messages, 20) for messages in questions]
    spoken([prefilled(sequence) for _, sequence in running])

    assert [run.tokens for run, _ in running] == alone


def test_it_takes_less_memory(model_folder: dict[str, Path]) -> None:
    plain, small = (load(settings(model_folder["full"], kv_bits=bits)) for bits in (None, 4))
    for loaded in (plain, small):
        generate(loaded, conversation(3))

    assert small.cache.nbytes < plain.cache.nbytes / 4


def test_a_model_without_such_layers_says_so() -> None:
    with pytest.raises(ModelFailed, match="leave kvBits out"):
        load(settings("tiny", kv_bits=8))
