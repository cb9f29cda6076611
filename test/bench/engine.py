"""
What the engine costs, in one process, for each cache class:

- agents: eight answers at once against the same eight one after the other, cold both times;
- decoding of one answer against mlx_lm's `generate_step`;
- gap: the longest silence of an answer while a 30,000-token prompt is read, against the budget,
  and the chunks of the long prompt before a short one that comes later is answered;
- bookkeeping per turn of a known conversation of 20,000 and of 60,000 tokens: plan, look up and
  open, keep;
- an answer that repeats its prompt with drafts against without;
- restore from disk against reading the same bytes from disk, and memory at its peak.

Usage: engine.py [CLASS …]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

root = Path(__file__).parent.parent.parent
sys.path[:0] = [str(root / "python"), str(root / "test" / "python")]

import mlx.core as mx  # noqa: E402
import numpy as np  # noqa: E402
from conftest import settings  # noqa: E402
from generating import prefilled  # noqa: E402
from mlx_lm.generate import generate_step  # noqa: E402
from mlx_lm.models.cache import KVCache  # noqa: E402
from models import make_model  # noqa: E402

from anyclaude_mlx.__main__ import load  # noqa: E402
from anyclaude_mlx.engine import Sequence, decode  # noqa: E402
from anyclaude_mlx.events import GenerationRequest  # noqa: E402
from anyclaude_mlx.loaded import Loaded  # noqa: E402
from anyclaude_mlx.mlx_engine.memory import Attention, Memory  # noqa: E402
from anyclaude_mlx.mlx_engine.memory import restore as load_rows  # noqa: E402
from anyclaude_mlx.mlx_engine.records import pack, unpack  # noqa: E402
from anyclaude_mlx.prefix.cache import PrefixCache  # noqa: E402
from anyclaude_mlx.prefix.saving import Reader, Saver  # noqa: E402
from anyclaude_mlx.prefix.store import Store  # noqa: E402
from anyclaude_mlx.prefix.tree import Buffer  # noqa: E402
from anyclaude_mlx.prompt.known import ChatPrompt  # noqa: E402
from anyclaude_mlx.scheduler import Pace, gap_seconds  # noqa: E402

answer_tokens = 100


def words(chance: np.random.Generator, count: int) -> np.ndarray:
    """Tokens of the made-up vocabulary."""
    return chance.integers(300, 1000, count)


def started(loaded: Loaded, tokens: np.ndarray, most: int) -> Sequence[Any, Any, Any]:
    ends = (len(tokens) - 1,)
    return loaded.start(GenerationRequest(tokens.astype(np.int32), ends, most), lambda _: None)


def spoken(sequences: list[Sequence[Any, Any, Any]]) -> list[list[int]]:
    decoding = list(sequences)
    while decoding:
        done = decode(decoding)
        decoding = [one for one in decoding if one not in done]
    return [list(one._generated) for one in sequences]


def seconds_of(work: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - begun, result


def agents(folder: Path) -> str:
    """Prompts of 600 tokens; each run in a server of its own."""
    chance = np.random.default_rng(3)
    prompts = [words(chance, 600) for _ in range(8)]

    def in_turn(loaded: Loaded) -> list[list[int]]:
        said = []
        for tokens in prompts:
            one = prefilled(started(loaded, tokens, answer_tokens))
            said += spoken([one])
            one.close()
        return said

    def at_once(loaded: Loaded) -> list[list[int]]:
        every = [prefilled(started(loaded, tokens, answer_tokens)) for tokens in prompts]
        said = spoken(every)
        for one in every:
            one.close()
        return said

    pairs = []
    for _ in range(3):
        alone, one_by_one = seconds_of(in_turn, load(settings(folder)))
        both, together = seconds_of(at_once, load(settings(folder)))
        pairs.append(alone / both)
        equal = sum(a == b for a, b in zip(one_by_one, together, strict=True))
    return f"{np.median(pairs):.2f} times as fast, {equal}/8 answers equal"


def decoding(folder: Path) -> str:
    """One answer behind 2,000 tokens that no end token stops, against mlx_lm's `generate_step`."""
    loaded = load(settings(folder, prefix_cache=False))
    model: Any = loaded.model
    model.end_tokens = frozenset()
    prompt = words(np.random.default_rng(7), 2000)

    def theirs() -> float:
        said = generate_step(mx.array(prompt), model._model, max_tokens=401)
        next(said)
        return seconds_of(lambda: sum(1 for _ in said))[0]

    def ours() -> float:
        sequence = prefilled(started(loaded, prompt, 401))
        decode([sequence])
        seconds, _ = seconds_of(spoken, [sequence])
        sequence.close()
        return seconds

    ratios = [theirs() / ours() for _ in range(7)]
    return f"{np.median(ratios):.2f} times as fast as generate_step"


def gap(folder: Path) -> str:
    """As the worker does it: a chunk of the long prompt, then a token of the answer."""
    loaded = load(settings(folder))
    chance = np.random.default_rng(4)
    talking = prefilled(started(loaded, words(chance, 600), 10_000))
    long = started(loaded, words(chance, 30_000), 1)
    pace, gaps, chunks = Pace(), [], []
    before, done = time.perf_counter(), False
    while not done:
        remaining = long.remaining
        seconds, done = seconds_of(long.prefill, pace.chunk)
        pace.observe(remaining - long.remaining, seconds)
        chunks.append(remaining - long.remaining)
        decode([talking])
        now = time.perf_counter()
        gaps.append(now - before)
        before = now
    return (
        f"longest {1000 * max(gaps):.0f} ms = {max(gaps) / gap_seconds:.2f} of the budget, "
        f"median {1000 * np.median(gaps):.0f} ms, chunks of {int(np.median(chunks))} tokens"
    )


def bookkeeping(folder: Path, length: int) -> str:
    loaded = load(settings(folder))
    words = "why is the file so long and what is in it then " * 40
    messages: list[dict[str, object]] = [{"role": "system", "content": words}]
    plan = loaded.prompter.plan(ChatPrompt(messages))
    while len(plan.tokens) < length:
        messages += [{"role": "user", "content": words}, {"role": "assistant", "content": words}]
        plan = loaded.prompter.plan(ChatPrompt([*messages, {"role": "user", "content": "x"}]))
    prefilled(started(loaded, plan.tokens, 1)).close()
    rows: dict[str, list[float]] = {"plan": [], "look up and open": [], "keep": []}
    for turn in range(8):
        messages += [{"role": "user", "content": f"question {turn}"}]
        prompt = ChatPrompt(list(messages))
        seconds, plan = seconds_of(loaded.prompter.plan, prompt)
        rows["plan"].append(seconds)
        wanted = GenerationRequest(plan.tokens, plan.boundaries, 500, lasting=plan.lasting)
        seconds, sequence = seconds_of(loaded.start, wanted, lambda _: None)
        rows["look up and open"].append(seconds)
        prefilled(sequence)
        for _ in range(9):
            if decode([sequence]):
                break
        seconds, _ = seconds_of(sequence.close)
        rows["keep"].append(seconds)
        # The client sends back what it was sent.
        said = list(sequence._generated)
        answer = {"role": "assistant", "content": loaded.tokenizer.decode(said)}
        loaded.prompter.remember(plan, prompt, said, answer)
        messages += [answer]
    cells = [f"{name} {1000 * np.median(times[1:]):.1f} ms" for name, times in rows.items()]
    return f"{', '.join(cells)} ({len(plan.tokens):,} tokens)"


def restore(prefixes: Path) -> str:
    """
    20,000 tokens of a model with twelve layers of eight heads, made up, so that nothing has to be
    computed. The same files are read whole, both times from the disk itself.
    """
    layers, heads, length, width = 12, 8, 20_000, 64
    shape = (1, heads, length, width)
    tokens = words(np.random.default_rng(5), length + 1).astype(np.int32)
    caches = []
    for _ in range(layers):
        caches.append(KVCache())
        caches[-1].state = (mx.random.normal(shape), mx.random.normal(shape), length)
        mx.eval(caches[-1].state)
    memory = Memory({layer: Attention(cache) for layer, cache in enumerate(caches)})
    store = Store(prefixes, 1 << 40)
    cache: PrefixCache[Any, Any] = PrefixCache(1 << 40, True)
    saver = Saver(cache, store, pack)
    cache.insert(tokens[:-1], Buffer(memory), {})
    saver.want(tokens[:-1], ())
    while (wait := saver.step()) is not None:
        time.sleep(wait)
    files = list(prefixes.iterdir())
    rows, peaks = [], []
    for _ in range(5):
        forget_pages(files)
        reading, total = seconds_of(lambda: sum(len(file.read_bytes()) for file in files))
        forget_pages(files)
        again: PrefixCache[Any, Any] = PrefixCache(1 << 40, True, Reader(store, unpack))
        Saver(again, store, pack).load()
        fresh = {layer: KVCache() for layer in range(layers)}
        mx.reset_peak_memory()
        before = mx.get_active_memory()

        def restored(again: Any = again, fresh: Any = fresh) -> None:
            load_rows(again.lookup(tokens).pieces, fresh, length + 256)

        rows.append(seconds_of(restored)[0] / reading)
        peaks.append((mx.get_peak_memory() - before) / memory.nbytes)
    return (
        f"{np.median(rows):.2f} times the time of reading {total >> 20} MiB from disk, "
        f"{max(peaks):.2f} of the KV bytes at its peak"
    )


def forget_pages(files: list[Path]) -> None:
    """The system keeps what it has read."""
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def speculation(folder: Path) -> str:
    """An answer that repeats its prompt, as an edit of a file does, with drafts and without."""
    chance = np.random.default_rng(6)
    file = words(chance, 400)
    loaded = load(settings(folder, prefix_cache=False))
    decoder = loaded.model._decoder  # type: ignore[attr-defined]
    honest = decoder._logits

    def copying(caches: Any, tokens: Any) -> Any:
        """The model's own work, and a wish to go on as the file does."""
        logits = honest(caches, tokens)
        last = np.array(tokens[0])
        wanted = np.zeros(logits.shape, np.float32)
        for row, token in enumerate(last):
            place = int(np.flatnonzero(file == token)[0]) if token in file else 0
            wanted[0, row, int(file[(place + 1) % len(file)])] = 1e6
        return logits + mx.array(wanted)

    decoder._logits = copying
    seconds = {}
    for name, pays in (("plain", False), ("drafted", None)):
        sequence = prefilled(started(loaded, file, 1200))
        if pays is False:
            sequence.live.speculation = None
        seconds[name], _ = seconds_of(spoken, [sequence])
        sequence.close()
    return f"{seconds['plain'] / seconds['drafted']:.2f} times as fast where drafts are right"


def main() -> None:
    for name in sys.argv[1:] or ["full", "window", "hybrid"]:
        with tempfile.TemporaryDirectory() as there:
            folder = make_model(name, Path(there) / name)
            print(f"{name} agents       {agents(folder)}", flush=True)
            print(f"{name} decoding     {decoding(folder)}", flush=True)
            print(f"{name} gap          {gap(folder)}", flush=True)
            for length in (20_000, 60_000):
                print(f"{name} bookkeeping  {bookkeeping(folder, length)}", flush=True)
            if name == "full":
                print(f"{name} speculation  {speculation(folder)}", flush=True)
    with tempfile.TemporaryDirectory(dir=root) as there:
        print(f"restore           {restore(Path(there) / 'kept')}", flush=True)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
