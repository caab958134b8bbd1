"""Has the lines of payout files asked for, by one process at a time."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from custody.db.leases import Leases
from custody.payouts.paying import PayingFiles

TAKE_OVER_S: Final = 0.5
"""How often those who don't lead look whether somebody still does."""
REST_S: Final = 1.0
"""Before the next look, where nothing could be done; somebody who sends a file wakes us."""


class PayoutWorker:
    """One per process. Two that work at the same time, as when a lease changes hands, do nothing
    twice."""

    def __init__(self, leases: Leases, paying: PayingFiles) -> None:
        self._leases = leases
        self._paying = paying
        self._work = asyncio.Event()

    def wake(self) -> None:
        self._work.set()

    async def run(self) -> None:
        while True:
            async with self._leases.hold("payouts") as lease:
                while lease is not None and lease.is_held:
                    self._work.clear()
                    if not await self._paying.step():
                        with suppress(TimeoutError):
                            async with asyncio.timeout(REST_S):
                                await self._work.wait()
            await asyncio.sleep(TAKE_OVER_S)
