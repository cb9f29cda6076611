"""
Several sequences in one decode step. Imports mlx and mlx_lm; knows nothing of prefixes.

The linear layers see all sequences as one batch, so the weights are read once. Attention runs for
each sequence over the cache that it has anyway: nothing is padded, copied or merged when one joins
or leaves, and each attends exactly as it does alone. Only recurrent states, which are small, are
joined for as long as the same sequences decode.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import mlx.core as mx
from mlx_lm.models import base
from mlx_lm.models.cache import ArraysCache, KVCache, QuantizedKVCache, RotatingKVCache
from mlx_lm.sample_utils import make_sampler

from ..events import Sampling

Sampler = Callable[[mx.array], mx.array]

batchable = (KVCache, QuantizedKVCache, RotatingKVCache, ArraysCache)
# A step of two may differ from two steps by this share of the difference between the two.
tolerated_share = 0.1

attention_of_one = base.scaled_dot_product_attention


class Side:
    """The attention caches of one layer, side by side: what a model takes for its cache."""

    def __init__(self, caches: Sequence[Any]) -> None:
        self.caches = caches
        self.offset = mx.array([cache.offset for cache in caches])

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[list[Any], list[Any]]:
        fetched = [
            cache.update_and_fetch(keys[row : row + 1], values[row : row + 1])
            for row, cache in enumerate(self.caches)
        ]
        self.offset = self.offset + keys.shape[2]
        return [one for one, _ in fetched], [one for _, one in fetched]

    def make_mask(self, *args: Any, **named: Any) -> list[Any]:
        return [cache.make_mask(*args, **named) for cache in self.caches]


def attention(
    queries: mx.array,
    keys: Any,
    values: Any,
    cache: Any,
    scale: float,
    mask: Any,
    sinks: mx.array | None = None,
) -> mx.array:
    """mlx_lm's own, once for each sequence of a batch."""
    if not isinstance(cache, Side):
        alone: mx.array = attention_of_one(queries, keys, values, cache, scale, mask, sinks)
        return alone
    masks = mask if isinstance(mask, list) else [mask] * len(cache.caches)
    rows = [
        attention_of_one(queries[i : i + 1], keys[i], values[i], one, scale, masks[i], sinks)
        for i, one in enumerate(cache.caches)
    ]
    return mx.concatenate(rows, axis=0)


def teach_attention() -> None:
    """Every model module has bound the function under its own name; there is no other seam."""
    for name, module in list(sys.modules.items()):
        found = getattr(module, "scaled_dot_product_attention", None)
        if name.startswith("mlx_lm.models.") and found is attention_of_one:
            module.scaled_dot_product_attention = attention  # type: ignore[attr-defined]


def side_by_side(sequences: Sequence[Sequence[Any]]) -> list[Any]:
    """One cache for each layer, from those of each sequence."""
    return [_joined(layer) for layer in zip(*sequences, strict=True)]


def give_back(joined: Sequence[Any], sequences: Sequence[Sequence[Any]]) -> None:
    """Recurrent states back to their sequences; attention never left them."""
    for layer, together in enumerate(joined):
        if isinstance(together, ArraysCache):
            for row, caches in enumerate(sequences):
                caches[layer].cache = [array[row : row + 1] for array in together.cache]


def _joined(caches: tuple[Any, ...]) -> Any:
    if not isinstance(caches[0], ArraysCache):
        return Side(caches)
    together = ArraysCache(len(caches[0].cache))
    together.cache = [
        mx.concatenate(list(arrays), axis=0)
        for arrays in zip(*(c.cache for c in caches), strict=True)
    ]
    return together


def to_sampler(samplings: Sequence[Sampling]) -> Sampler:
    """
    One row of logits for each. Greedy is the largest float32 logit, alone or beside other
    requests: one formula.
    """
    if len(set(samplings)) > 1:
        samplers = [to_sampler([sampling]) for sampling in samplings]
        return lambda logits: mx.concatenate(
            [sample(logits[row : row + 1]) for row, sample in enumerate(samplers)]
        )
    sampling = samplings[0]
    if sampling.temperature <= 0:
        return lambda logits: mx.argmax(logits, axis=-1)
    sampler = functools.cache(functools.partial(sampler_over, sampling))
    return lambda logits: sampler(logits.shape[-1])(
        logits - mx.logsumexp(logits, axis=-1, keepdims=True)
    )


def sampler_over(sampling: Sampling, vocabulary: int) -> Sampler:
    """mlx_lm's. What it raises for would spoil the random numbers of everybody else."""
    sampler: Sampler = make_sampler(
        temp=sampling.temperature,
        top_p=sampling.top_p,
        min_p=sampling.min_p,
        top_k=sampling.top_k if 0 < sampling.top_k < vocabulary else 0,
    )
    return sampler


def can_batch(model: Any, fresh: Any) -> bool:
    """Tried, not assumed: a batch of two against each one alone. `fresh` makes empty caches."""
    if not all(isinstance(cache, batchable) for cache in fresh()):
        return False
    try:
        # Of different lengths and contents, so that rows that changed places are seen.
        prompts = [[5, 6, 7, 8, 9, 10, 11], [9, 7, 5]]
        alone = [_two_steps(model, [prompt], fresh) for prompt in prompts]
        together = _two_steps(model, prompts, fresh)
    except Exception:
        return False
    between = float(mx.linalg.norm(alone[0] - alone[1]))
    apart = [float(mx.linalg.norm(together[row : row + 1] - one)) for row, one in enumerate(alone)]
    return max(apart) <= tolerated_share * between


def _two_steps(model: Any, prompts: Sequence[Sequence[int]], fresh: Any) -> mx.array:
    """The logits after two more tokens; shape (prompts, vocabulary)."""
    sequences = []
    for prompt in prompts:
        sequences.append(fresh())
        model(mx.array([prompt]), cache=sequences[-1])
        mx.eval([cache.state for cache in sequences[-1]])
    caches = side_by_side(sequences) if len(prompts) > 1 else sequences[0]
    for _ in range(2):
        logits = model(mx.array([[prompt[0]] for prompt in prompts]), cache=caches)
    last: mx.array = logits[:, -1, :].astype(mx.float32)
    mx.eval(last)
    return last
