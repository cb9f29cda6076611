"""When memory is short, what is wanted least goes first."""

from __future__ import annotations

import numpy as np
import pytest
from rows import ListRows, NoState

from anyclaude_mlx.events import Priority
from anyclaude_mlx.prefix.cache import PrefixCache
from anyclaude_mlx.prefix.eviction import Owner
from anyclaude_mlx.prefix.tree import Buffer

Cache = PrefixCache[ListRows, NoState]
main = Owner("session", Priority.MAIN, instructions=3)
agent = Owner("session", Priority.SUBAGENT, instructions=0)
background = Owner("session", Priority.BACKGROUND)


def keep(cache: Cache, owner: Owner, *ids: int) -> None:
    match = cache.lookup(np.array([*ids, 0], np.int32))
    if match.taken:
        match.taken.memory.rows[match.length :] = ids[match.length :]
    buffer = match.taken or Buffer(ListRows([*ids]))
    cache.insert(np.array(ids, np.int32), buffer, {}, (), owner)
    buffer.in_use = False


def known(cache: Cache, *ids: int) -> int:
    return cache.common(np.array(ids, np.int32))


def shrink(cache: Cache) -> None:
    """Until one more leaf has gone."""
    before = cache.evicted
    while cache.evicted == before:
        cache.max_bytes = cache.nbytes - 1
        cache.make_room(0)


@pytest.fixture
def cache() -> Cache:
    return PrefixCache(1 << 20, any_position=True)


def test_a_sub_agent_that_has_ended_goes_before_what_is_older(cache: Cache) -> None:
    keep(cache, Owner("another", Priority.MAIN), 20, 21)
    keep(cache, main, 1, 2, 3, 4, 5)
    keep(cache, agent, 7, 8, 9)
    keep(cache, main, 1, 2, 3, 4, 5, 6)
    shrink(cache)

    assert known(cache, 7, 8, 9) == 0
    assert known(cache, 20, 21) == 2
    assert known(cache, 1, 2, 3, 4, 5, 6) == 6


def test_a_sub_agent_that_is_at_work_goes_in_its_turn(cache: Cache) -> None:
    keep(cache, Owner("another", Priority.MAIN), 20, 21)
    keep(cache, main, 1, 2, 3, 4, 5)
    keep(cache, agent, 7, 8, 9)
    shrink(cache)

    assert known(cache, 20, 21) == 0
    assert known(cache, 7, 8, 9) == 3


def test_background_work_goes_first_of_all(cache: Cache) -> None:
    keep(cache, main, 1, 2, 3, 4, 5)
    keep(cache, agent, 7, 8, 9)
    keep(cache, main, 1, 2, 3, 4, 5, 6)
    keep(cache, background, 30, 31)
    shrink(cache)

    shrink(cache)

    assert known(cache, 30, 31) + known(cache, 7, 8, 9) == 0
    assert known(cache, 1, 2, 3, 4, 5, 6) == 6


def test_instructions_of_a_session_that_goes_on_stay_longest(cache: Cache) -> None:
    keep(cache, main, 1, 2, 3)
    keep(cache, main, 1, 2, 3, 4, 5)
    for number in range(20, 40):
        keep(cache, Owner("session", Priority.MAIN), number, number + 1, number + 2)
    for _ in range(21):
        shrink(cache)

    assert known(cache, 1, 2, 3, 4, 5) == 3


def test_what_both_use_is_the_main_agents(cache: Cache) -> None:
    keep(cache, Owner("another", Priority.MAIN), 50, 51)
    keep(cache, main, 1, 2, 3, 4)
    keep(cache, agent, 1, 2, 3, 4)
    keep(cache, Owner("session", Priority.MAIN), 60, 61)
    shrink(cache)

    assert known(cache, 1, 2, 3, 4) == 4
    assert known(cache, 50, 51) == 0
