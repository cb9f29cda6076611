"""The prefix tree, with rows that are the tokens themselves: whatever happens, they are right."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import pytest
from rows import ListRows, TokenState, opened

from anyclaude_mlx.events import Miss
from anyclaude_mlx.prefix.cache import Match, PrefixCache
from anyclaude_mlx.prefix.tree import Buffer

Cache = PrefixCache[ListRows, TokenState]


def tokens(*ids: int) -> np.ndarray:
    return np.array(ids, np.int32)


@dataclass
class Running:
    """A sequence that was opened and computes one token after the other."""

    cache: Cache
    prompt: list[int]
    match: Match[ListRows, TokenState] = field(init=False)
    rows: ListRows = field(init=False)
    buffer: Buffer[ListRows] = field(init=False)

    def __post_init__(self) -> None:
        self.match = self.cache.lookup(tokens(*self.prompt))
        self.rows = opened(self.match)
        self.buffer = self.match.taken or Buffer(self.rows)
        assert self.rows.rows == self.prompt[: self.match.length]
        if not self.cache.any_position and self.match.length:
            assert self.match.state == TokenState(tuple(self.rows.rows))

    def compute(self, *ids: int) -> None:
        self.rows.rows.extend(ids)

    def keep(self) -> None:
        fed = self.rows.rows
        states = {} if self.cache.any_position else {len(fed): TokenState(tuple(fed))}
        self.cache.insert(tokens(*fed), self.buffer, states)

    def close(self) -> None:
        self.keep()
        self.buffer.in_use = False
        self.cache.make_room(0)


def run(cache: Cache, prompt: list[int], answer: list[int], *stops: int) -> Running:
    running = Running(cache, prompt)
    for stop in (*stops, len(prompt)):
        running.compute(*prompt[len(running.rows.rows) : stop])
        running.keep()
    running.compute(*answer)
    running.close()
    return running


def check(cache: Cache) -> None:
    """Every node's rows are its tokens, and every state is that of its end."""
    for node in cache._root.below():
        assert node.buffer is not None
        rows = node.buffer.memory.rows[node.start - node.buffer.base : node.end - node.buffer.base]
        assert rows == node.tokens.tolist()
        assert node.state is None or len(node.state.tokens) == node.end
        assert node.parent is not None
        assert node.parent.end == node.start


def test_a_conversation_that_goes_on_takes_its_buffer_over() -> None:
    cache: Cache = PrefixCache(1 << 20, any_position=True)
    first = run(cache, [1, 2, 3], [4, 5])

    second = Running(cache, [1, 2, 3, 4, 5, 6])

    assert second.rows is first.rows
    assert second.match.pieces == ()
    assert second.match.miss is None


def test_a_fork_copies_and_leaves_what_others_need() -> None:
    cache: Cache = PrefixCache(1 << 20, any_position=True)
    first = run(cache, [1, 2, 3], [4, 5])

    fork = run(cache, [1, 2, 3, 9], [8])
    again = Running(cache, [1, 2, 3, 4, 5, 6])

    assert fork.match.length == 3
    assert fork.rows is not first.rows
    assert again.rows is first.rows
    check(cache)


def test_two_who_go_on_from_the_same_end_do_not_share_a_buffer() -> None:
    cache: Cache = PrefixCache(1 << 20, any_position=True)
    run(cache, [1, 2, 3], [])
    one, other = Running(cache, [1, 2, 3, 4, 5]), Running(cache, [1, 2, 3, 6, 7])

    for running, ids in ((one, (4, 5)), (other, (6, 7))):
        running.compute(*ids)
    one.close()
    other.close()

    assert one.rows is not other.rows
    check(cache)


def test_only_positions_with_a_state_are_restored_and_a_fork_is_learned() -> None:
    cache: Cache = PrefixCache(1 << 20, any_position=False)
    run(cache, [1, 2, 3, 4, 5], [])

    fork = Running(cache, [1, 2, 3, 9, 9])
    fork.compute(1, 2, 3)
    fork.keep()
    fork.compute(9, 9)
    fork.close()
    learned = Running(cache, [1, 2, 3, 7])

    assert (fork.match.length, fork.match.matched) == (0, 3)
    assert fork.match.miss == Miss("no_state", 0)
    assert learned.match.length == 3
    check(cache)


def test_memory_is_freed_from_what_nobody_needs_first_then_from_the_oldest_leaf() -> None:
    cache: Cache = PrefixCache(4 * 15, any_position=True)
    run(cache, [1, 2, 3, 4, 5], [])
    run(cache, [1, 2, 3, 4, 6], [])  # has the first four twice
    run(cache, [1, 2, 3, 4, 7, 7], [])

    assert cache.evicted == 0
    assert cache.nbytes == 4 * 8
    run(cache, [*range(20, 28)], [])
    assert cache.evicted == 1
    gone = Running(cache, [1, 2, 3, 4, 5, 5])
    assert gone.match.miss == Miss("evicted", 4)
    check(cache)


@pytest.mark.parametrize("any_position", [True, False])
@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_rows_and_states_are_right(seed: int, any_position: bool) -> None:
    chance = random.Random(seed)
    cache: Cache = PrefixCache(chance.choice([200, 600, 1 << 20]), any_position)
    said: list[list[int]] = [[]]
    computed: list[list[int]] = []
    running: list[Running] = []
    for _ in range(250):
        action = chance.random()
        if action < 0.4:
            before = chance.choice(said)
            prompt = before[: chance.randint(0, len(before))] if chance.random() < 0.4 else before
            prompt = [*prompt, *chance.choices([1, 2, 3], k=chance.randint(1, 8))]
            opened_one = Running(cache, prompt)
            if cache.max_bytes == 1 << 20 and any_position:
                assert opened_one.match.length == longest_common(prompt[:-1], computed)
            running.append(opened_one)
        elif running and action < 0.9:
            one = chance.choice(running)
            ahead = one.prompt[len(one.rows.rows) :] or chance.choices([1, 2, 3], k=2)
            one.compute(*ahead[: chance.randint(1, len(ahead))])
            one.keep()
            computed.append(list(one.rows.rows))
        elif running:
            one = running.pop(chance.randrange(len(running)))
            one.close()
            computed.append(list(one.rows.rows))
            said.append(list(one.rows.rows))
        check(cache)
        assert any(each.buffer.in_use for each in running) or cache.nbytes <= cache.max_bytes


def longest_common(prompt: list[int], computed: list[list[int]]) -> int:
    def common(other: list[int]) -> int:
        pairs = zip(prompt, other, strict=False)
        return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(prompt), len(other)))

    return max((common(other) for other in computed), default=0)
