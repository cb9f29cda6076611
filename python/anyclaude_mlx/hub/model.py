"""
A model on the hub: what belongs to it, how much of that is here, and how it gets here. Knows how
the Hugging Face cache is laid out, so that other tools find there what we put there.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath

from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils._headers import build_hf_headers

from .file import Fetching, RemoteFile, partial_of

# What mlx-lm reads of a model, but for programs: those are never run.
patterns = [
    *("model*.safetensors", "*.json", "*.jsonl", "*.jinja", "*.txt"),
    *("tokenizer.model", "*.tiktoken", "tiktoken.model"),
]
files_at_once = 4
report_seconds = 0.2
answer_seconds = 20
"""How long the hub may take to say what a model is made of."""


class NoRoom(Exception):
    def __init__(self, needed: int, free: int, folder: Path) -> None:
        super().__init__(f"{needed} bytes are needed in {folder}, {free} are free")
        self.needed = needed
        self.free = free
        self.folder = folder


class NoModel(Exception):
    """There is such a repository, and it holds no weights that mlx-lm reads."""


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    commit: str
    repository: Path
    """Its folder in the cache."""
    files: list[RemoteFile]

    @property
    def snapshot(self) -> Path:
        return self.repository / "snapshots" / self.commit

    @property
    def bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def missing_bytes(self) -> int:
        return sum(file.size - self.bytes_here(file) for file in self.files)

    @property
    def free_bytes(self) -> int:
        folder = self.repository
        while not folder.exists():
            folder = folder.parent
        return shutil.disk_usage(folder).free

    def blob(self, file: RemoteFile) -> Path:
        return self.repository / "blobs" / file.hash

    def bytes_here(self, file: RemoteFile) -> int:
        for path in (self.blob(file), partial_of(self.blob(file))):
            if path.exists():
                return min(file.size, path.stat().st_size)
        return 0


def plan_of(name: str, api: HfApi, cache: Path) -> Plan:
    """Asks the hub, once. Small files come first."""
    info = api.model_info(name, files_metadata=True, timeout=answer_seconds)
    files = [file for file in remote_files(info.siblings or ()) if is_needed(file.path)]
    if info.sha is None or not any(file.path.endswith(".safetensors") for file in files):
        raise NoModel
    repository = cache / repo_folder_name(repo_id=name, repo_type="model")
    return Plan(name, info.sha, repository, sorted(files, key=lambda file: file.size))


def remote_files(siblings: Iterable[RepoSibling]) -> Iterator[RemoteFile]:
    """Their names become paths on this disk: none that leads out of its folder is taken."""
    for sibling in siblings:
        path = PurePosixPath(sibling.rfilename)
        digest = sibling.lfs.sha256 if sibling.lfs else sibling.blob_id or ""
        size = sibling.lfs.size if sibling.lfs else sibling.size
        is_named = re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", digest)
        if is_named and size is not None and not path.is_absolute() and ".." not in path.parts:
            yield RemoteFile(str(path), size, digest)


def is_needed(path: str) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def download(
    plan: Plan,
    api: HfApi,
    on_bytes: Callable[[int], None],
    on_trouble: Callable[[BaseException, float], None],
) -> None:
    """All files at first, then the links that make a model of them: it is there whole, or not."""
    if plan.missing_bytes > plan.free_bytes:
        raise NoRoom(plan.missing_bytes, plan.free_bytes, plan.repository)
    (plan.repository / "blobs").mkdir(parents=True, exist_ok=True)
    stopped = threading.Event()
    here = {file.hash: plan.bytes_here(file) for file in plan.files}
    fetching = Fetching(
        headers=build_hf_headers(token=api.token),
        is_stopped=stopped.is_set,
        wait=stopped.wait,
        on_bytes=lambda file, count: here.update({file.hash: count}),
        on_trouble=on_trouble,
    )

    def fetch(file: RemoteFile) -> None:
        url = hf_hub_url(plan.name, file.path, revision=plan.commit, endpoint=api.endpoint)
        fetching.fetch(file, url, plan.blob(file))

    workers = ThreadPoolExecutor(files_at_once, "file")
    different = {file.hash: file for file in plan.files}.values()
    work = [workers.submit(fetch, file) for file in different]
    try:
        rest = {*work}
        while rest:
            done, rest = wait(rest, report_seconds, FIRST_EXCEPTION)
            on_bytes(sum(here.values()))
            for each in done:
                each.result()
    finally:
        stopped.set()
        workers.shutdown(wait=False, cancel_futures=True)
    link(plan)


def link(plan: Plan) -> None:
    """As huggingface_hub does; that `main` is this commit is written last."""
    for file in plan.files:
        pointer = plan.snapshot / file.path
        pointer.parent.mkdir(parents=True, exist_ok=True)
        target = os.path.relpath(plan.blob(file), pointer.parent)
        put(pointer, partial(Path.symlink_to, target=target))
    main = plan.repository / "refs" / "main"
    main.parent.mkdir(exist_ok=True)
    put(main, lambda unfinished: unfinished.write_text(plan.commit))


def put(path: Path, make: Callable[[Path], object]) -> None:
    """There at once, whole, in the place of what was there."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    make(unfinished)
    os.replace(unfinished, path)
