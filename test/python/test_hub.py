from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_stand_in import Fault, HubStandIn
from huggingface_hub import HfApi, constants, scan_cache_dir, snapshot_download
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlx_lm.utils import DEFAULT_ALLOW_PATTERNS

from anyclaude_mlx.errors import ModelFailed
from anyclaude_mlx.hub import file as hub_file
from anyclaude_mlx.hub.errors import explained
from anyclaude_mlx.hub.file import RemoteFile
from anyclaude_mlx.hub.model import Plan, download, patterns, plan_of
from anyclaude_mlx.mlx_engine.loading import find_folder

name = "someone/a-model"
root = Path(__file__).parents[2]


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


weights = {
    "model-00001-of-00002.safetensors": noise(1, 5_000_000),
    "model-00002-of-00002.safetensors": noise(2, 3_000_001),
}
first, _ = weights
needed = {
    **weights,
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors.index.json": json.dumps({"weight_map": dict.fromkeys(weights)}).encode(),
    "tokenizer.json": noise(3, 200_000),
    "tokenizer_config.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
}
useless = {"README.md": b"# A model", "modeling.py": b"", "pytorch_model.bin": noise(4, 500_000)}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStandIn]:
    monkeypatch.setattr(hub_file, "first_wait_seconds", 0.01)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    stand_in = HubStandIn()
    stand_in.add(name, {**needed, **useless})
    yield stand_in
    stand_in.close()


def api_of(hub: HubStandIn, token: str | bool = False) -> HfApi:
    return HfApi(endpoint=hub.url, token=token)


def fetch(hub: HubStandIn, cache: Path, token: str | bool = False, name: str = name) -> Plan:
    api = api_of(hub, token)
    plan = plan_of(name, api, cache)
    download(plan, api, on_bytes=lambda _: None, on_trouble=lambda *_: None)
    return plan


def reason(hub: HubStandIn, cache: Path, token: str | bool = False, name: str = name) -> str:
    with pytest.raises(Exception) as raised:
        fetch(hub, cache, token, name)
    return explained(raised.value, name, hub.url) or "a mistake of ours"


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def layout(repository: Path) -> dict[str, str | bytes]:
    """Links by where they lead to, files by what is in them; not what only speeds things up."""
    return {
        str(path.relative_to(repository)): os.readlink(path)
        if path.is_symlink()
        else path.read_bytes()
        for path in repository.rglob("*")
        if (path.is_symlink() or path.is_file()) and "trees" not in path.parts
    }


def sent_as(hub: HubStandIn, path: str) -> str:
    """What the request has in its path that brings the content of this file."""
    stored = hub.models[name][path]
    return stored.sha256 if stored.is_large else f"/{path}"


def ranges(hub: HubStandIn) -> list[str | None]:
    return [seen.range for seen in hub.seen if "signature" in seen.path]


def test_what_mlx_lm_needs_is_fetched_and_nothing_else(hub: HubStandIn, tmp_path: Path) -> None:
    plan = fetch(hub, tmp_path)

    assert content(plan.snapshot) == needed
    assert plan.missing_bytes == 0
    assert not [seen for seen in hub.seen if any(path in seen.path for path in useless)]


def test_it_lies_as_huggingface_hub_lays_it(
    hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    ours = fetch(hub, tmp_path / "ours")
    theirs = snapshot_download(
        name,
        endpoint=hub.url,
        token=False,
        cache_dir=tmp_path / "theirs",
        allow_patterns=list(needed),
    )

    assert layout(ours.repository) == layout(Path(theirs).parents[1])
    found = snapshot_download(name, cache_dir=tmp_path / "ours", local_files_only=True)
    assert Path(found) == ours.snapshot
    scanned = scan_cache_dir(tmp_path / "ours")
    assert not scanned.warnings
    assert [repo.repo_id for repo in scanned.repos] == [name]


def test_servers_find_it_and_never_ask_the_hub(
    hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find() -> Path:
        with monkeypatch.context() as patch:
            patch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
            patch.setattr(constants, "ENDPOINT", hub.url)
            return find_folder(name)

    with pytest.raises(ModelFailed, match=f"download it with anyclaude models pull {name}"):
        find()
    assert not hub.seen
    plan = fetch(hub, tmp_path)
    hub.seen.clear()

    assert find() == plan.snapshot
    assert not hub.seen


def test_it_needs_no_more_than_mlx_lm_reads() -> None:
    assert {*DEFAULT_ALLOW_PATTERNS} - {*patterns} == {"*.py"}
    assert {*patterns} < {*DEFAULT_ALLOW_PATTERNS}


def test_what_is_here_is_not_asked_for_again(hub: HubStandIn, tmp_path: Path) -> None:
    fetch(hub, tmp_path)
    hub.seen.clear()

    fetch(hub, tmp_path)

    assert [seen.path for seen in hub.seen] == [f"/api/models/{name}?blobs=true"]


def test_of_a_new_version_only_what_is_new_is_fetched(hub: HubStandIn, tmp_path: Path) -> None:
    old = fetch(hub, tmp_path)
    hub.add(name, {**needed, "config.json": b'{"model_type": "qwen3"}'})
    hub.seen.clear()

    new = fetch(hub, tmp_path)

    assert [seen.path for seen in hub.seen[1:]] == [f"/{name}/resolve/{new.commit}/config.json"]
    assert content(old.snapshot) == needed
    assert (new.repository / "refs" / "main").read_text() == new.commit


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 2_000_000), min_size=1, max_size=hub_file.most_failures - 1))
def test_it_goes_on_after_cuts(
    hub: HubStandIn, tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    hub.faults = [Fault(stored.sha256, sent=cut) for stored in large(hub) for cut in cuts]
    hub.seen.clear()

    plan = fetch(hub, tmp_path_factory.mktemp("cache"))

    assert content(plan.snapshot) == needed
    assert sum(received(hub)) == sum(len(stored.content) for stored in large(hub))


def large(hub: HubStandIn) -> list[Any]:
    return [file for path, file in hub.models[name].items() if path in needed and file.is_large]


def received(hub: HubStandIn) -> list[int]:
    """Bytes that were sent for each request to the storage, as the ranges tell."""
    by_path: dict[str, list[int]] = {}
    for seen in hub.seen:
        if "signature" in seen.path:
            start = int((seen.range or "bytes=0-").removeprefix("bytes=").rstrip("-"))
            by_path.setdefault(seen.path, []).append(start)
    sizes = {f"/{file.sha256}?signature=1": len(file.content) for file in large(hub)}
    return [
        end - start
        for path, starts in by_path.items()
        for start, end in zip(starts, [*starts[1:], sizes[path]], strict=True)
    ]


def test_it_goes_on_after_silence(
    hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_file, "silence_seconds", 0.3)
    hub.faults = [Fault(sent_as(hub, first), sent=1_000_000, holds=True)]

    assert content(fetch(hub, tmp_path).snapshot) == needed
    assert "bytes=1000000-" in ranges(hub)


def test_it_begins_anew_where_ranges_are_not_understood(hub: HubStandIn, tmp_path: Path) -> None:
    hub.faults = [
        Fault(sent_as(hub, first), sent=1_000_000),
        Fault(sent_as(hub, first), whole=True),
    ]

    assert content(fetch(hub, tmp_path).snapshot) == needed
    asked = [seen.range for seen in hub.seen if seen.path.startswith("/" + sent_as(hub, first))]
    assert asked == [None, "bytes=1000000-"]


@pytest.mark.parametrize("left", [noise(9, 100_000), noise(9, 9_000_000), weights[first]])
def test_a_rest_that_is_wrong_is_thrown_away(hub: HubStandIn, tmp_path: Path, left: bytes) -> None:
    plan = plan_of(name, api_of(hub), tmp_path)
    (plan.repository / "blobs").mkdir(parents=True)
    for file in plan.files:
        hub_file.partial_of(plan.blob(file)).write_bytes(left)

    assert content(fetch(hub, tmp_path).snapshot) == needed
    assert not list(plan.repository.rglob("*.incomplete"))


@pytest.mark.parametrize("path", ["config.json", "tokenizer.json"])
def test_content_that_is_wrong_once_is_fetched_again(
    hub: HubStandIn, tmp_path: Path, path: str
) -> None:
    hub.faults = [Fault(sent_as(hub, path), changes=True)]

    assert content(fetch(hub, tmp_path).snapshot) == needed


@pytest.mark.parametrize("path", ["config.json", "tokenizer.json"])
def test_content_that_stays_wrong_makes_no_model(
    hub: HubStandIn, tmp_path: Path, path: str
) -> None:
    hub.faults = [Fault(sent_as(hub, path), changes=True, times=2)]

    said = reason(hub, tmp_path)

    assert f"what arrives of {path} is not what the hub announced, twice in a row" in said
    plan = plan_of(name, api_of(hub), tmp_path)
    assert not plan.snapshot.exists()
    assert not (plan.repository / "refs").exists()
    assert not [blob for blob in plan.repository.rglob(f"{hub.models[name][path].etag}*")]


def test_the_token_is_for_the_hub_alone(tmp_path: Path) -> None:
    hub = HubStandIn(token="hf_secret")
    hub.add(name, needed)

    plan = fetch(hub, tmp_path, token="hf_secret")

    assert content(plan.snapshot) == needed
    assert {seen.token for seen in hub.seen if "signature" not in seen.path} == {"Bearer hf_secret"}
    assert {seen.token for seen in hub.seen if "signature" in seen.path} == {None}
    hub.close()


gated = {"x-error-code": "GatedRepo"}
refusals = [
    (Fault("/api/", status=401), "the hub has no such model, or it is private; check the name at"),
    (Fault("/api/", status=404), "the hub has no such model"),
    (Fault("/api/", status=403, headers=gated), "it is for those who asked for it; do so at"),
    (Fault("resolve", status=403, headers=gated), "it is for those who asked for it; do so at"),
    (Fault("/api/", status=403), "the hub refuses it (403 Forbidden"),
    (Fault("/api/", status=418), "the hub says"),
    (Fault("/api/", status=429), "the hub is asked too often from here"),
    (Fault("resolve", status=429, headers={"retry-after": "600"}), "the hub is asked too often"),
    (Fault("resolve", status=503, times=99), "the hub has a fault of its own (503)"),
    (Fault("signature", status=403, times=99), "the hub refuses it"),
    (Fault("signature", sent=0, times=99), "cannot be reached"),
]


@pytest.mark.parametrize(("fault", "expected"), refusals)
def test_a_refusal_is_said_in_one_sentence(
    hub: HubStandIn, tmp_path: Path, fault: Fault, expected: str
) -> None:
    hub.faults = [fault]

    said = reason(hub, tmp_path)

    assert said.startswith(f"Cannot download {name}: ")
    assert expected in said
    assert "\n" not in said


def test_a_token_that_is_not_taken_is_said(hub: HubStandIn, tmp_path: Path) -> None:
    hub.token = "another"
    os.environ["HF_TOKEN"] = "hf_secret"
    try:
        said = reason(hub, tmp_path, token="hf_secret")
    finally:
        del os.environ["HF_TOKEN"]

    assert "the hub does not take your token" in said
    assert "hf_secret" not in said


@pytest.mark.parametrize("status", [429, 503])
def test_what_passes_is_waited_for(hub: HubStandIn, tmp_path: Path, status: int) -> None:
    troubles: list[tuple[str, float]] = []
    hub.faults = [Fault("signature", status=status, headers={"retry-after": "1"})]
    api = api_of(hub)
    plan = plan_of(name, api, tmp_path)

    download(plan, api, lambda _: None, lambda error, wait: troubles.append((str(error), wait)))

    assert content(plan.snapshot) == needed
    assert [wait for _, wait in troubles] == [1]


def test_no_network_is_said(hub: HubStandIn, tmp_path: Path) -> None:
    hub.close()

    assert f"{hub.url} cannot be reached" in reason(hub, tmp_path)


def test_offline_is_said(hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)

    assert "HF_HUB_OFFLINE is set; unset it" in reason(hub, tmp_path)
    assert not hub.seen


def test_a_name_that_is_none_is_said(hub: HubStandIn, tmp_path: Path) -> None:
    said = reason(hub, tmp_path, name="no name at all")

    assert "has to be like mlx-community/NAME" in said


def test_a_repository_without_weights_is_said(hub: HubStandIn, tmp_path: Path) -> None:
    hub.add(name, useless)

    assert "it holds no model*.safetensors" in reason(hub, tmp_path)


def test_the_disk_is_looked_at_before_anything_is_fetched(
    hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=8_100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    said = reason(hub, tmp_path)

    assert "it needs 8.2 MB more, and 8.1 MB are free in" in said
    assert len(hub.seen) == 1
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_keeps_what_it_has(
    hub: HubStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = hub_file.Partial.add

    def fill_up(partial: hub_file.Partial, chunk: bytes) -> None:
        if partial.bytes > 1_000_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        add(partial, chunk)

    with monkeypatch.context() as patch:
        patch.setattr(hub_file.Partial, "add", fill_up)
        said = reason(hub, tmp_path)
    here = plan_of(name, api_of(hub), tmp_path).missing_bytes
    hub.seen.clear()

    assert "the disk is full; make room, and the same command goes on where it stopped" in said
    assert here < 7_200_000
    assert content(fetch(hub, tmp_path).snapshot) == needed
    assert any(ranges(hub)), "another file may not have begun when the disk was full"


def test_a_name_that_leads_out_of_the_folder_is_not_taken(hub: HubStandIn, tmp_path: Path) -> None:
    absolute = str(tmp_path / "evil.json")
    hub.add(name, {**needed, "../../../evil.json": b"{}", absolute: b"{}"})

    plan = fetch(hub, tmp_path / "cache")

    assert content(plan.snapshot) == needed
    assert not list(tmp_path.rglob("evil.json"))


def test_git_names_small_files_by_their_content() -> None:
    file = RemoteFile("config.json", 6, "ce013625030ba8dba906f756967f9e9ca394464a")
    hasher = file.hasher()
    hasher.update(b"hello\n")

    assert hasher.hexdigest() == file.hash


class Process:
    """`python -m anyclaude_mlx.hub`, as the command line starts it."""

    def __init__(self, hub: HubStandIn, cache: Path, **more: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "anyclaude_mlx.hub", name],
            env={
                **os.environ,
                **more,
                "PYTHONPATH": str(root / "python"),
                "HF_ENDPOINT": hub.url,
                "HF_HOME": str(cache),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            pipe.close()

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def lines(self) -> Iterator[dict[str, Any]]:
        assert self.process.stdout
        for line in self.process.stdout:
            yield json.loads(line)

    def until(self, kind: str) -> Any:
        return next(line[kind] for line in self.lines() if kind in line)

    def close(self) -> int:
        """Its exit code, when it is told that nobody is there any more."""
        assert self.process.stdin
        self.process.stdin.close()
        return self.process.wait()


def test_it_waits_for_a_word_and_fetches(hub: HubStandIn, tmp_path: Path) -> None:
    with Process(hub, tmp_path) as running:
        plan = running.until("plan")
        before = len(hub.seen)
        running.go()
        said = list(running.lines())

        assert running.process.wait() == 0
    total = sum(map(len, needed.values()))
    assert plan["bytes"] == plan["missing_bytes"] == total
    assert before == 1
    assert said[-2] == {"progress": total}
    assert content(Path(said[-1]["done"])) == needed


def test_nothing_is_asked_but_for_the_model(hub: HubStandIn, tmp_path: Path) -> None:
    with Process(hub, tmp_path, AI_AGENT="test", AGENT="test") as running:
        running.until("plan")
        running.go()
        running.until("done")

    asked = {seen.path for seen in hub.seen if "signature" not in seen.path}
    plan = plan_of(name, api_of(hub), tmp_path)
    resolved = {f"/{name}/resolve/{plan.commit}/{path}" for path in needed}
    assert asked == {f"/api/models/{name}?blobs=true", *resolved}
    agents = {seen.agent for seen in hub.seen}
    assert not [agent for agent in agents if "agent" in agent.lower()], agents


def test_it_fetches_nothing_without_a_word(hub: HubStandIn, tmp_path: Path) -> None:
    with Process(hub, tmp_path) as running:
        running.until("plan")

        assert running.close() == 0
    assert len(hub.seen) == 1
    assert not list(tmp_path.rglob("models--*"))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL, None])
def test_it_goes_on_where_it_was_ended(
    hub: HubStandIn, tmp_path: Path, end: signal.Signals | None
) -> None:
    hub.faults = [Fault(sent_as(hub, path), sent=2_000_000, holds=True) for path in weights]
    small = sum(len(file) for path, file in needed.items() if path not in weights)
    with Process(hub, tmp_path) as running:
        running.until("plan")
        running.go()
        while running.until("progress") < small + 4_000_000:
            pass
        if end is None:  # the one who started it is gone
            running.close()
        else:
            running.process.send_signal(end)
            running.process.wait()
    hub.seen.clear()

    with Process(hub, tmp_path) as running:
        plan = running.until("plan")
        running.go()
        folder = running.until("done")

        assert running.process.wait() == 0
    assert plan["missing_bytes"] == plan["bytes"] - small - 4_000_000
    assert ranges(hub) == ["bytes=2000000-"] * 2
    assert content(Path(folder)) == needed
