"""
Who needs this server. A lease is an open connection; nobody has to sign off. It knows nothing of
what the server does: whoever waits says whether it is at work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Whoever starts a server needs a moment to take the first lease.
first_lease_seconds = 5.0
look_again_seconds = 0.1


class Leases:
    def __init__(self) -> None:
        self._held = 0
        self._given = 0
        self._is_over = False
        self._needed_until = time.monotonic() + first_lease_seconds

    @property
    def held(self) -> int:
        return self._held

    @property
    def is_over(self) -> bool:
        """True once it is decided to end: whoever comes now has to find another server."""
        return self._is_over

    @contextmanager
    def hold(self) -> Iterator[int]:
        self._held += 1
        self._given += 1
        try:
            yield self._given
        finally:
            self._held -= 1

    async def idle(self, seconds: Callable[[], float], at_work: Callable[[], bool]) -> None:
        """Returns when nobody has held a lease, and nothing was at work, for that long."""
        while True:
            now = time.monotonic()
            if self._held or at_work():
                self._needed_until = now
            elif now - self._needed_until >= seconds():
                self._is_over = True
                return
            await asyncio.sleep(look_again_seconds)
