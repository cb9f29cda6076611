"""What a project's conversations begin with is computed before anything is asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from conftest import classes, settings
from generating import system, tools

from anyclaude_mlx.__main__ import load
from anyclaude_mlx.api.api import Api
from anyclaude_mlx.api.leases import Leases
from anyclaude_mlx.loaded import Loaded
from anyclaude_mlx.mlx_engine.engine import MlxModel
from anyclaude_mlx.prefix.heads import Heads
from anyclaude_mlx.worker import Worker

reminder = "What every session begins with. " * 20
headers = {"x-anyclaude": "1"}


def question(words: str) -> dict[str, object]:
    return {
        "messages": [system, {"role": "user", "content": f"{reminder}\n\n{words}"}],
        "tools": tools,
        "max_tokens": 5,
        "anyclaude": {"project": "/a/b", "own_chars": len(words)},
    }


def serving(loaded: Loaded, talk: Callable[[httpx.AsyncClient, Worker[Loaded]], object]) -> object:
    worker = Worker(lambda: loaded)
    worker.begin()
    while not worker.is_ready:
        pass
    app = Api(worker, Leases(), None, {}).app()

    async def once() -> object:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await talk(client, worker)  # type: ignore[misc]

    try:
        return asyncio.run(once())
    finally:
        worker.end()


async def ask(client: httpx.AsyncClient, words: str) -> tuple[int, int]:
    """Prompt tokens and those that were cached."""
    answer = await client.post("/v1/chat/completions", json=question(words), timeout=60)
    usage = answer.json()["usage"]
    return usage["prompt_tokens"], usage["prompt_tokens_details"]["cached_tokens"]


async def idle(worker: Worker[Loaded]) -> None:
    while worker.active:
        await asyncio.sleep(0.01)


async def warm(client: httpx.AsyncClient, project: str = "/a/b") -> int | None:
    answer = await client.post("/prefix/warm", json={"project": project})
    assert answer.status_code == 202
    tokens: int | None = answer.json()["tokens"]
    return tokens


@pytest.mark.parametrize("name", classes)
def test_a_new_session_after_a_restart_computes_the_users_words_alone(
    name: str, model_folder: dict[str, Path], tmp_path: Path
) -> None:
    def server() -> Loaded:
        return load(settings(model_folder[name], prefix_folder=tmp_path))

    async def first(client: httpx.AsyncClient, worker: Worker[Loaded]) -> int | None:
        assert await warm(client) is None
        await ask(client, "read a.txt")
        await idle(worker)
        await asyncio.sleep(0.5)  # what was computed is written when nothing else is to be done
        return await warm(client)

    async def second(client: httpx.AsyncClient, worker: Worker[Loaded]) -> tuple[int, ...]:
        head = await warm(client)
        while worker.loaded().about_prefixes()["tokens_in_memory"] < (head or 0):
            await asyncio.sleep(0.01)
        return (head or 0, *await ask(client, "write b.txt please"))

    remembered = serving(server(), first)
    head, prompt, cached = serving(server(), second)  # type: ignore[misc]

    assert head == remembered
    assert cached >= head - 1
    assert prompt - cached < 40


def test_without_records_it_is_computed_and_a_request_goes_on_from_it(
    model_folder: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request comes in the middle; what was done until then is not done again."""
    loaded = load(settings(model_folder["full"]))
    fed: list[int] = []
    begun, gate = threading.Event(), threading.Event()
    compute = MlxModel.prefill

    def prefill(self: MlxModel, live: object, tokens: np.ndarray) -> None:
        begun.set()
        gate.wait(5)
        fed.append(len(tokens))
        compute(self, live, tokens)  # type: ignore[arg-type]

    async def talk(client: httpx.AsyncClient, worker: Worker[Loaded]) -> tuple[int, int, int]:
        gate.set()
        prompt, _ = await ask(client, "read a.txt")
        await idle(worker)
        assert (await client.delete("/prefix")).json()["nodes"] == 0
        fed.clear()
        begun.clear()
        gate.clear()
        head = await warm(client)
        await asyncio.to_thread(begun.wait, 5)
        asking = asyncio.create_task(ask(client, "write b.txt"))
        await asyncio.sleep(0.05)
        gate.set()
        later, _ = await asking
        return head or 0, later, sum(fed)

    monkeypatch.setattr(MlxModel, "prefill", prefill)
    head, prompt, computed = serving(loaded, talk)  # type: ignore[misc]

    assert 0 < head < prompt
    # The last token of a prompt is fed by another way.
    assert computed == prompt - 1


def test_heads_survive_and_what_is_damaged_is_unknown(tmp_path: Path) -> None:
    heads = Heads(tmp_path)
    heads.remember("../a/b", np.arange(5, dtype=np.int32))
    heads.remember("other", np.arange(9, dtype=np.int32))

    again = Heads(tmp_path)
    found = again.get("../a/b")

    assert found is not None
    assert found.tolist() == [0, 1, 2, 3, 4]
    assert again.get("never") is None
    for file in tmp_path.glob("*.head"):
        assert file.stat().st_mode & 0o777 == 0o600
        content = bytearray(file.read_bytes())
        content[-3] ^= 4
        file.write_bytes(content)
    assert Heads(tmp_path).get("../a/b") is None


def test_metrics_and_prefix_say_what_was_done(full: Loaded) -> None:
    async def talk(client: httpx.AsyncClient, worker: Worker[Loaded]) -> tuple[str, dict[str, int]]:
        await ask(client, "read a.txt")
        await ask(client, "read a.txt")
        text = (await client.get("/metrics")).text
        return text, (await client.get("/prefix")).json()

    text, prefix = serving(full, talk)  # type: ignore[misc]

    rows = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert rows['anyclaude_mlx_requests_total{outcome="answered"}'] == "2"
    assert rows['anyclaude_mlx_misses_total{reason="cold"}'] == "1"
    cached = float(rows["anyclaude_mlx_cached_tokens_total"])
    assert cached == float(rows["anyclaude_mlx_prompt_tokens_total"]) / 2 - 1
    assert float(rows["anyclaude_mlx_prefix_memory_bytes"]) == prefix["memory_bytes"] > 0
    assert text.count("# TYPE anyclaude_mlx_requests_total counter") == 1
    assert prefix["tokens"] == prefix["tokens_in_memory"] > 0
