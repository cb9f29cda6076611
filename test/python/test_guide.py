"""What an answer is told to be like is what it is, alone and beside others."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from generating import Run, begin, generate, prefilled, spoken, user

from anyclaude_mlx.loaded import Loaded


@dataclass
class Only:
    """From the token at `start` on, only `allowed` may come."""

    start: int
    allowed: tuple[int, ...]
    heard: list[int] = field(default_factory=list)

    def hear(self, token: int) -> None:
        self.heard.append(token)

    def mask(self) -> np.ndarray | None:
        if len(self.heard) < self.start:
            return None
        bits = np.zeros(1024, np.uint8)
        bits[list(self.allowed)] = 1
        return np.packbits(bits, bitorder="little").view(np.int32)


def guided(loaded: Loaded, messages: list[dict[str, object]], guide: Only | None, most: int = 12):  # type: ignore[no-untyped-def]
    run, sequence = begin(loaded, messages, most)
    sequence.request = replace(sequence.request, guide=guide)
    return run, prefilled(sequence)


def test_an_answer_is_free_until_its_guide_speaks_and_bound_from_then_on(
    pair: tuple[Loaded, Loaded],
) -> None:
    _, loaded = pair
    messages = [user("Read a.txt")]
    free = generate(loaded, messages, 12)

    for start in (0, 1, 5):
        guide = Only(start, (400, 401, 402))
        run, sequence = guided(loaded, messages, guide)
        spoken([sequence])

        assert run.tokens[:start] == free.tokens[:start]
        assert set(run.tokens[start:]) <= {400, 401, 402}
        assert len(run.tokens) == 12
        assert guide.heard == run.tokens


def test_a_guide_does_not_touch_who_is_beside(pair: tuple[Loaded, Loaded]) -> None:
    _, loaded = pair
    questions = [[user("Read a.txt")], [user("list files " * 9)], [user("why")]]
    alone = [generate(loaded, messages, 12).tokens for messages in questions]
    allowed = tuple(token for token in range(400, 500) if token not in alone[1])
    bound, sequence = guided(loaded, questions[1], Only(3, allowed))
    spoken([sequence])

    running = [
        guided(loaded, messages, Only(3, allowed) if index == 1 else None)
        for index, messages in enumerate(questions)
    ]
    spoken([sequence for _, sequence in running])

    runs: list[Run] = [run for run, _ in running]
    assert [runs[0].tokens, runs[2].tokens] == [alone[0], alone[2]]
    assert runs[1].tokens == bound.tokens != alone[1]
