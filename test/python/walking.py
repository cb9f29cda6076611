"""Answers at random: what a model that understands nothing writes when it is held to a guide."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import reject

from anyclaude_mlx.events import Guide

# What ends texts, so that a walk comes to an end.
closings = ['"', "}", "]", "</parameter>", "</arg_value>", "</longcat_arg_value>", "</param>"]
closings += ["</atem:parameter>", "\\/", "\\ud800"]


def allowed(mask: npt.NDArray[np.int32]) -> list[int]:
    bits = np.unpackbits(mask.view(np.uint8), bitorder="little")
    return [int(token) for token in np.nonzero(bits)[0]]


def walk(
    guide: Guide,
    tokenizer: Any,
    seed: int,
    *,
    free: Sequence[int] = (),
    again: bool = False,
    most: int = 4000,
) -> list[int]:
    """
    Tokens until the end token, which is left out. `free` is what is said, in this order, while the
    guide lets anything be said; behind it the answer ends, or `again` it is said once more.
    """
    chance = random.Random(seed)
    ends = tokenizer.eos_token_ids
    said: list[int] = []
    freely = list(free)
    queue: list[int] = []
    while len(said) < most:
        mask = guide.mask()
        if mask is None:
            if not freely and again:
                freely = list(free)
            token = freely.pop(0) if freely else min(ends)
        else:
            may = allowed(mask)
            assert may, f"nothing may follow {tokenizer.decode(said)!r}"
            done = ends & set(may)
            eager = 0.3 if len(said) < 600 else 0.9
            if not queue and chance.random() < eager:
                queue = tokenizer.encode(chance.choice(closings), add_special_tokens=False)
            if done and chance.random() < max(eager, 0.5):
                token = min(done)
            elif queue and queue[0] in may:
                token = queue.pop(0)
            else:
                queue = []
                token = chance.choice(may)
        guide.hear(token)
        if token in ends:
            return said
        said.append(token)
    reject()  # chance did not find the end: says nothing
