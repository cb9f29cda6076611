"""Arguments → settings → serve. The only place that knows all parts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import uvicorn

from . import __version__
from .api.api import Api
from .api.leases import Leases
from .engine import Sequence, decode
from .errors import InvalidRequest, ModelFailed, PromptTooLong
from .events import GenerationRequest
from .in_use import hold_own_folders
from .loaded import Device, Loaded
from .mlx_engine.blas import prefer_openblas
from .prefix.answers import Answers
from .prefix.budget import prefix_budget_bytes
from .prefix.cache import PrefixCache
from .prefix.heads import Heads
from .prefix.saving import Reader, Saver, remove_oldest_folders
from .prefix.store import Store, folder_name
from .prompt.known import ChatPrompt
from .prompt.prompt import Prompter
from .settings import Settings, parse_settings
from .worker import Worker

if TYPE_CHECKING:
    from .mlx_engine.engine import MlxModel

log = logging.getLogger(__name__)


def main() -> int:
    """The exit code, if there is one to give: a server that ran ends the process itself."""
    settings = parse_settings(sys.argv[1:])
    _held = hold_own_folders()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    # Read when huggingface_hub is imported: nothing is downloaded here, nobody is told anything.
    os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
    try:
        listener = listen(settings.host, settings.port)
    except OSError as error:
        print(f"Cannot listen on {settings.host}:{settings.port}: {error}", file=sys.stderr)
        return 1
    host, port = listener.getsockname()[:2]
    with contextlib.suppress(OSError):  # a full disk, and whoever chose the port knows it
        print(json.dumps({"url": f"http://{host}:{port}"}), flush=True)
    asyncio.run(serve(settings, listener))
    # A thread may still be inside mlx; tearing the interpreter down around it aborts.
    sys.stderr.flush()
    os._exit(0)


def listen(host: str, port: int) -> socket.socket:
    """
    Connections send at once: asyncio sees to that only for sockets that name their protocol, and
    the body of an answer would wait 40 ms for the acknowledgement of its head.
    """
    listener = socket.create_server((host, port), backlog=128)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def serve(settings: Settings, listener: socket.socket) -> None:
    worker = Worker(lambda: load(settings))
    leases = Leases()
    app = Api(worker, leases, settings.token, build()).app()
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=60,
        )
    )
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, lambda: setattr(server, "should_exit", True))
    worker.begin()
    if settings.idle_exit_seconds is not None:
        idle = loop.create_task(until_unneeded(settings.idle_exit_seconds, worker, leases))
        idle.add_done_callback(lambda _: setattr(server, "should_exit", True))
    await server.serve(sockets=[listener])
    worker.end()


async def until_unneeded(warm_seconds: float, worker: Worker[Loaded], leases: Leases) -> None:
    """Without a model there is nothing to keep warm: then it stays for those who ask why."""
    await leases.idle(lambda: 0 if worker.failure else warm_seconds, lambda: worker.active > 0)


def load(settings: Settings) -> Loaded:
    """Runs in the worker thread: importing mlx_lm takes a second, loading takes longer."""
    from .dialect.dialect import dialect_of
    from .grammar.grammar import Grammars

    blas = prefer_openblas()
    with file_limit_kept():
        from .mlx_engine.device import prepare
        from .mlx_engine.loading import load_by_name
    prepare()
    found = load_by_name(settings.model, settings.kv_bits)
    tokenizer = found.tokenizer
    device = Device("cpu", blas) if found.model.on_cpu else Device("gpu", None)
    dialect = dialect_of(tokenizer)
    cache, saver, answers, heads = open_prefixes(settings, found.model, found.fingerprint, device)
    loaded = Loaded(
        id=found.id,
        fingerprint=found.fingerprint,
        device=device,
        cache_classes=tuple(found.model.cache_classes),
        decodes_together=found.model.decodes_together,
        model=found.model,
        cache=cache,
        saver=saver,
        tokenizer=tokenizer,
        prompter=Prompter(tokenizer, answers),
        heads=heads,
        dialect=dialect,
        grammars=Grammars(tokenizer, found.vocabulary, dialect),
        default_sampling=found.default_sampling,
    )
    try:
        generate_one_token(loaded)
    except (InvalidRequest, PromptTooLong) as error:
        raise ModelFailed(
            f"Cannot use {found.id}: it cannot be asked anything, because of its chat template or "
            f"its config.json: {error}; choose another model"
        ) from error
    return loaded


def open_prefixes(
    settings: Settings, model: MlxModel, fingerprint: str, device: Device
) -> tuple[PrefixCache[Any, Any], Saver[Any, Any] | None, Answers, Heads]:
    """What was computed before, as far as it was for this model in this build on this device."""
    from .mlx_engine.records import pack, unpack

    max_bytes = prefix_budget_bytes(model.bytes_free()) if settings.prefix_cache else 0
    if settings.prefix_folder is None or settings.prefix_disk_bytes == 0 or max_bytes == 0:
        return PrefixCache(max_bytes, model.any_position), None, Answers(), Heads()
    root = settings.prefix_folder
    kind = [*map(str, device), *build().values(), str(settings.kv_bits)]
    own = root / f"{folder_name([fingerprint])}-{folder_name(kind)}"
    store = Store(own, settings.prefix_disk_bytes)
    cache = PrefixCache(max_bytes, model.any_position, Reader(store, unpack))
    saver = Saver(cache, store, pack)
    try:
        remove_oldest_folders(root, own, settings.prefix_disk_bytes)
        saver.load()
        if any(each != own for each in root.glob(f"{folder_name([fingerprint])}-*")):
            cache.cold = "other_build"
    except OSError as error:
        log.warning("saved prefixes cannot be used: %s", error)
        return PrefixCache(max_bytes, model.any_position), None, Answers(), Heads()
    return cache, saver, Answers(own / "answers.jsonl"), Heads(own)


def generate_one_token(loaded: Loaded) -> None:
    """A model is ready when it has answered, not when its files are read."""
    plan = loaded.prompter.plan(ChatPrompt([{"role": "user", "content": "hi"}]))
    request = GenerationRequest(plan.tokens, (), max_tokens=1)
    nothing_kept = PrefixCache[Any, Any](0, loaded.model.any_position)
    sequence = Sequence(request, loaded.model, nothing_kept, lambda _event: None)
    while not sequence.prefill():
        pass
    decode([sequence])


def build() -> dict[str, str]:
    return {"anyclaude_mlx": __version__, "mlx": version("mlx"), "mlx_lm": version("mlx-lm")}


@contextlib.contextmanager
def file_limit_kept() -> Iterator[None]:
    """mlx_lm lowers the limit of open files, for good, when it is imported."""
    original = resource.setrlimit
    resource.setrlimit = lambda *_: None
    try:
        yield
    finally:
        resource.setrlimit = original


if __name__ == "__main__":
    sys.exit(main())
