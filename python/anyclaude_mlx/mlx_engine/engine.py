"""
A loaded model as the engine wants it. Imports mlx and mlx_lm; knows cache classes, devices and
dtypes, and nothing of requests, prefixes or HTTP.

Layers are of two kinds. Plain attention can be cut at any position, so one buffer serves every
prefix of a sequence: its `Memory`. All others (windowed, recurrent, unknown) are restored only from
a copy made at exactly that position: the `State`.
"""

from __future__ import annotations

import time
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import KVCache, QuantizedKVCache, RotatingKVCache, make_prompt_cache

from ..errors import ModelFailed
from ..events import GenerationRequest, Tokens
from ..prefix.cache import Match
from ..speculation import Speculation
from .batch import can_batch, teach_attention
from .decode import Decoder, Live, row_step
from .device import free_bytes, is_cpu
from .memory import (
    Attention,
    Memory,
    State,
    arrays_in,
    arrays_of,
    copied,
    is_plain,
    make_room,
    restore,
    snapshot,
)

windowed_cpu_prefill_step = 256
cpu_prefill_step = 512
gpu_prefill_step = 2048
# What a chunk needs besides the cache: activations of one layer, estimated generously.
activation_bytes_per_token = 1 << 16
# Numbers that share a scale where keys and values are quantised; heads are no wider in some models.
kv_group_sizes = (64, 32)


class MlxModel:
    def __init__(
        self,
        model: Any,
        *,
        window: int,
        end_tokens: frozenset[int],
        kv_bits: int | None = None,
    ) -> None:
        self._model = model
        self.window = window
        self.end_tokens = end_tokens
        self._quantised = None if kv_bits is None else fitting_quantisation(model, kv_bits)
        self._first = self._fresh()
        self._plain = [i for i, cache in enumerate(self._first) if is_plain(cache)]
        self._other = [i for i in range(len(self._first)) if i not in self._plain]
        self.any_position = not self._other
        self.on_cpu = is_cpu()
        self.prefill_step = self._prefill_step()
        self._bytes_per_token = 0
        teach_attention()
        self.decodes_together = can_batch(model, self._fresh)
        self._decoder = Decoder(
            lambda tokens, caches: self._model(tokens, cache=caches),
            together=self.decodes_together,
        )

    @property
    def cache_classes(self) -> list[str]:
        return [type(cache).__name__ for cache in self._first]

    def bytes_needed(self, tokens: int, step: int) -> int:
        return tokens * self._bytes_per_token + step * activation_bytes_per_token

    def bytes_free(self) -> int:
        return free_bytes()

    def open(self, match: Match[Memory, State], capacity: int) -> Live:
        """Rows are copied only where the match does not take a buffer over. Raises Damaged."""
        caches = self._fresh()
        live = Live(caches, rows=-(-(max(capacity, match.length) + 1) // row_step) * row_step)
        if match.taken:
            for layer, attention in match.taken.memory.layers.items():
                assert isinstance(attention, Attention)
                caches[layer] = attention.cache
                caches[layer].offset = match.length
        elif match.length:
            restore(match.pieces, {layer: caches[layer] for layer in self._plain}, live.rows)
        if match.state is not None:
            for layer, state in match.state.layers.items():
                caches[layer].state = copied(state)
        mx.eval([cache.state for cache in caches])
        if match.length:
            self._make_room(live)
        return live

    def memory(self, live: Live) -> Memory:
        return Memory({layer: Attention(live.caches[layer]) for layer in self._plain})

    def prefill(self, live: Live, tokens: Tokens) -> None:
        """Evaluates the caches alone: logits nobody reads would cost two to four times as much."""
        self._model(mx.array(tokens)[None], cache=live.caches)
        mx.eval([cache.state for cache in live.caches])
        self._make_room(live)

    def state(self, live: Live) -> State:
        self._decoder.part(live)
        layers = {layer: snapshot(live.caches[layer]) for layer in self._other}
        arrays = [array for state in layers.values() for array in arrays_in(state)]
        mx.eval(arrays)
        return State(layers, sum(array.nbytes for array in arrays))

    def begin(self, live: Live, request: GenerationRequest) -> None:
        live.sampling = request.sampling
        live.guide = request.guide
        if self.any_position:
            live.speculation = Speculation(request.tokens, request.max_tokens)
        self._decoder.begin(live, int(request.tokens[-1]))

    def next(self, lives: list[Live]) -> list[list[int]]:
        return self._decoder.next(lives)

    def close(self, live: Live) -> None:
        self._decoder.part(live)
        live.pending = None

    def abandon(self, live: Live) -> None:
        """What fails while mlx traces a function leaves its random state unusable."""
        self._decoder.forget()
        live.pending = None
        mx.random.seed(time.time_ns())

    def _make_room(self, live: Live) -> None:
        caches = [live.caches[layer] for layer in self._plain]
        for cache in caches:
            make_room(cache, live.rows)
        self._bytes_per_token = sum(
            array.nbytes // array.shape[2] for cache in caches for array in arrays_of(cache)
        )

    def _fresh(self) -> list[Any]:
        return fresh_caches(self._model, self._quantised)

    def _prefill_step(self) -> int:
        if not self.on_cpu:
            return gpu_prefill_step
        windowed = any(isinstance(cache, RotatingKVCache) for cache in self._first)
        return windowed_cpu_prefill_step if windowed else cpu_prefill_step


def fresh_caches(model: Any, quantised: tuple[int, int] | None) -> list[Any]:
    """`quantised`: group size and bits of plain attention."""
    caches: list[Any] = make_prompt_cache(model)
    if quantised is None:
        return caches
    return [QuantizedKVCache(*quantised) if type(c) is KVCache else c for c in caches]


def fitting_quantisation(model: Any, bits: int) -> tuple[int, int]:
    """Tried, not assumed: heads have to be wide enough, and not every attention can do it."""
    for size in kv_group_sizes:
        caches = fresh_caches(model, (size, bits))
        if not any(isinstance(cache, QuantizedKVCache) for cache in caches):
            raise ModelFailed(
                "Cannot keep fewer bits of this model's keys and values: it has no layer of plain "
                "attention; leave kvBits out"
            )
        try:
            mx.eval(model(mx.array([[1, 2]]), cache=caches))
            return size, bits
        except Exception as error:
            reason = error
    raise ModelFailed(
        f"Cannot keep this model's keys and values in {bits} bits: {reason}; leave kvBits out"
    )
