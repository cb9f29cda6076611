"""Who needs this server. A lease is an open connection; nobody has to sign off."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Leases:
    def __init__(self) -> None:
        self._held = 0
        self._given = 0
        self._free_since = time.monotonic()

    @contextmanager
    def hold(self) -> Iterator[int]:
        self._held += 1
        self._given += 1
        try:
            yield self._given
        finally:
            self._held -= 1
            self._free_since = time.monotonic()

    async def idle(self, seconds: float) -> None:
        """Returns when nobody has held a lease for that long."""
        while True:
            left = self._free_since + seconds - time.monotonic()
            if self._held == 0 and left <= 0:
                return
            await asyncio.sleep(min(seconds, max(left, 0.05)) if self._held == 0 else seconds / 4)
