"""
Conversations as training rows: token ids and which of them are to be learned.

A row begins with a conversation, never inside one: the source of a copy is then always in sight,
and the model does not learn to guess.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from .sessions import Sessions
from .tokenizer import printable, render
from .wording import Wording

Ids = npt.NDArray[np.uint16]
Learned = npt.NDArray[np.bool_]


def copy_rows(tokenizer: Tokenizer, seed: int, count: int, length: int) -> tuple[Ids, Learned]:
    """Nothing but copying: `say`, `run` or `read`, a random string, and the string again."""
    chance = random.Random(seed)
    say = Wording(chance, printable(tokenizer))
    make = [say.word, say.glued, say.file, say.text, say.command]

    def pieces() -> Iterator[tuple[str, bool]]:
        while True:
            text = chance.choice(make)()
            asked = f"<|im_start|>user\n{chance.choice(['say', 'run:', 'read'])} {text}<|im_end|>\n"
            yield f"{asked}<|im_start|>assistant\n", False
            yield f"{text}<|im_end|>", True

    return packed((list_of(pieces(), 2) for _ in iter(int, 1)), tokenizer, count, length)


def list_of(pieces: Iterator[tuple[str, bool]], count: int) -> list[tuple[str, bool]]:
    return [next(pieces) for _ in range(count)]


def session_rows(tokenizer: Tokenizer, seed: int, count: int, length: int) -> tuple[Ids, Learned]:
    sessions = Sessions(seed, printable(tokenizer))

    def conversations() -> Iterator[list[tuple[str, bool]]]:
        while True:
            yield [piece for _, turn in sessions.session() for piece in render(turn)]

    return packed(conversations(), tokenizer, count, length)


def packed(
    conversations: Iterator[list[tuple[str, bool]]], tokenizer: Tokenizer, count: int, length: int
) -> tuple[Ids, Learned]:
    """Each row is filled with whole conversations and cut at its end."""
    ids = np.zeros((count, length), np.uint16)
    learned = np.zeros((count, length), np.bool_)
    for row in range(count):
        filled = 0
        while filled < length:
            pieces = next(conversations)
            encoded = tokenizer.encode_batch([text for text, _ in pieces], add_special_tokens=False)
            for (_, spoken), piece in zip(pieces, encoded, strict=True):
                part = piece.ids[: length - filled]
                ids[row, filled : filled + len(part)] = part
                learned[row, filled : filled + len(part)] = spoken
                filled += len(part)
    return ids, learned
