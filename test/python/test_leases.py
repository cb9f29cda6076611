"""When a server is no longer needed. Real time, in hundredths of seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from anyclaude_mlx.api import leases as module
from anyclaude_mlx.api.leases import Leases


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "look_again_seconds", 0.005)
    monkeypatch.setattr(module, "first_lease_seconds", 0.5)


def seconds_until_idle(
    warm: float,
    live: Callable[[Leases], Awaitable[None]],
    at_work: Callable[[], bool] = lambda: False,
) -> float:
    """From the end of `live`, during which the server may not become idle."""

    async def run() -> float:
        leases = Leases()
        idle = asyncio.create_task(leases.idle(lambda: warm, at_work))
        await live(leases)
        assert not idle.done()
        started = time.monotonic()
        await asyncio.wait_for(idle, 2)
        return time.monotonic() - started

    return asyncio.run(run())


async def nothing(_leases: Leases) -> None:
    await asyncio.sleep(0)


async def one_lease(leases: Leases) -> None:
    with leases.hold():
        await asyncio.sleep(0.1)


def test_gives_no_lease_any_more_once_it_is_decided_to_end() -> None:
    async def run() -> tuple[bool, bool]:
        leases = Leases()
        idle = asyncio.create_task(leases.idle(lambda: 0.05, lambda: False))
        await one_lease(leases)
        before = leases.is_over
        await asyncio.wait_for(idle, 2)
        return before, leases.is_over

    assert asyncio.run(run()) == (False, True)


def test_waits_for_a_first_lease_even_without_a_warm_time() -> None:
    assert seconds_until_idle(0, nothing) >= 0.4


def test_ends_at_once_after_the_last_lease_without_a_warm_time() -> None:
    assert seconds_until_idle(0, one_lease) < 0.3


def test_stays_warm_from_the_last_lease_on() -> None:
    assert seconds_until_idle(0.2, one_lease) >= 0.19


def test_is_kept_by_whoever_stays() -> None:
    async def two_leases(leases: Leases) -> None:
        with leases.hold():
            with leases.hold():
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.15)

    assert seconds_until_idle(0.05, two_leases) < 0.3


def test_is_kept_by_a_request_that_is_being_worked_on() -> None:
    async def ending_before_its_request(leases: Leases) -> None:
        await one_lease(leases)
        await asyncio.sleep(0.1)
        working.clear()

    working = [True]

    idle = seconds_until_idle(0.05, ending_before_its_request, lambda: bool(working))

    assert 0.04 <= idle < 0.3
