"""
`python -m tiny_model.train OUT`: from nothing to the model folder OUT. On a GPU a few minutes; on
one CPU core `--steps 2500 --rows 8` takes about half an hour and gives somewhat weaker weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import platform
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from . import network, optimiser
from .rows import Ids, Learned, copy_rows, session_rows
from .sessions import Sessions
from .tokenizer import render, train_tokenizer, write_tokenizer

copy_share, copy_length, length = 0.08, 128, 512
warm_up_steps, chunk_steps = 100, 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=12_000)
    parser.add_argument("--rows", type=int, default=64, help="rows of 512 tokens in each step")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    options = parser.parse_args()
    started = time.time()
    tokenizer = make_tokenizer(options.seed)
    weights = fit(tokenizer, options, started)
    seconds = round(time.time() - started)
    write_model(tokenizer, weights, options, seconds)
    print(f"done in {seconds} s: {options.out}", flush=True)


def make_tokenizer(seed: int) -> Tokenizer:
    sessions = Sessions(seed, ["x"])
    texts = []
    for _ in range(4000):
        turns = [message for _, turn in sessions.session() for message in turn]
        texts += [text.replace("<", "") for text, _ in render(turns)]
    return train_tokenizer(texts)


def fit(tokenizer: Tokenizer, options: argparse.Namespace, started: float) -> network.Weights:
    weights = network.initial(options.seed)
    state = optimiser.fresh(weights)
    run = jax.jit(train_chunk, donate_argnums=(0, 1))
    done = 0
    for ids, learned in batches(tokenizer, options):
        counts = jnp.arange(done + 1, done + len(ids) + 1)
        rates = jnp.asarray([schedule(int(count), options.steps) for count in counts])
        weights, state, loss, right = run(weights, state, ids, learned, counts, rates)
        done += len(ids)
        if done % (chunk_steps * 4) == 0 or done >= options.steps:
            print(
                f"step {done}/{options.steps} loss {float(loss):.4f} right {float(right):.5f} "
                f"{time.time() - started:.0f} s",
                flush=True,
            )
        if done >= options.steps:
            break
    return weights


def train_chunk(
    weights: network.Weights,
    state: optimiser.State,
    ids: jax.Array,
    learned: jax.Array,
    counts: jax.Array,
    rates: jax.Array,
) -> tuple[network.Weights, optimiser.State, jax.Array, jax.Array]:
    """Several steps in one dispatch; the mean loss and accuracy of them."""

    def one(carry, batch):  # type: ignore[no-untyped-def]
        weights, state = carry
        tokens, learned, count, rate = batch
        measure = jax.value_and_grad(network.loss, has_aux=True)
        (loss, right), gradients = measure(weights, tokens.astype(jnp.int32), learned)
        return optimiser.step(weights, gradients, state, count, rate), (loss, right)

    (weights, state), (losses, rights) = jax.lax.scan(
        one, (weights, state), (ids, learned, counts, rates)
    )
    return weights, state, losses.mean(), rights.mean()


def schedule(count: int, total: int) -> float:
    """Warm-up, a plateau, then a long linear fall to nothing: most is learned while it falls."""
    if count < warm_up_steps:
        return count / warm_up_steps
    return min(1.0, max(0.002, (total - count) / (0.7 * total)))


def batches(tokenizer: Tokenizer, options: argparse.Namespace) -> Iterator[tuple[Ids, Learned]]:
    """[steps, rows, length] at a time: first copying in short rows, then conversations."""
    chunks = options.steps // chunk_steps + 1
    copies = max(1, int(chunks * copy_share))
    make = partial(chunk_of_rows, tokenizer.to_str(), options.rows, copies, options.seed)
    context = multiprocessing.get_context("spawn")
    with context.Pool(options.processes) as pool:
        yield from pool.imap(make, range(chunks))
        pool.terminate()


def chunk_of_rows(
    tokenizer: str, rows: int, copies: int, seed: int, chunk: int
) -> tuple[Ids, Learned]:
    kind, size = (copy_rows, copy_length) if chunk < copies else (session_rows, length)
    many = rows * (length // size)
    ids, learned = kind(
        Tokenizer.from_str(tokenizer), seed * 1_000_003 + chunk, many * chunk_steps, size
    )
    return ids.reshape(chunk_steps, many, size), learned.reshape(chunk_steps, many, size)


def write_model(
    tokenizer: Tokenizer, weights: network.Weights, options: argparse.Namespace, seconds: int
) -> None:
    out: Path = options.out
    out.mkdir(parents=True, exist_ok=True)
    end = tokenizer.token_to_id("<|im_end|>")
    config = {**network.config, "eos_token_id": [end, tokenizer.token_to_id("<|endoftext|>")]}
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n", "utf-8")
    write_tokenizer(tokenizer, out)
    half = {name: np.asarray(value, np.float16) for name, value in weights.items()}
    save_file(half, out / "model.safetensors", {"format": "mlx"})
    manifest = {
        "command": "python -m tiny_model.train OUT "
        f"--steps {options.steps} --rows {options.rows} --seed {options.seed}",
        "python": platform.python_version(),
        "jax": jax.__version__,
        "device": jax.devices()[0].device_kind,
        "seconds": seconds,
        "sha256": {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(out.iterdir())
            if file.suffix in {".json", ".safetensors"} and file.name != "manifest.json"
        },
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
