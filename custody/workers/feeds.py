"""Has what happened numbered, soon after it was committed."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from custody.db.leases import Leases
from custody.feeds.repository import BATCH
from custody.feeds.sequencer import Sequencer
from custody.workers.turns import Turns

POLL_S = 0.5
"""How often a leader looks by itself: most of what happens wakes nobody."""
PAUSE_S = 0.1
"""Between two batches, so that on SQLite the commits of numbers don't crowd out the others."""
TAKE_OVER_S = 0.5
"""How often those who don't lead look whether somebody still does."""


class FeedWorker:
    """One per process."""

    def __init__(
        self,
        leases: Leases,
        sequencer: Sequencer,
        poll_interval_s: float,
        turns: Turns | None = None,
    ) -> None:
        """`turns`: those of the process."""
        self._leases = leases
        self._sequencer = sequencer
        self._turns = turns or Turns()
        self._poll_interval_s = min(poll_interval_s, POLL_S)
        self._work = asyncio.Event()

    def wake(self) -> None:
        """Something was committed."""
        self._work.set()

    async def run(self) -> None:
        """Number for as long as this process leads."""
        while True:
            async with self._leases.hold("feeds") as lease:
                while lease is not None and lease.is_held:
                    self._work.clear()
                    await self._turns.before_set()
                    numbered = await self._sequencer.number(lease)
                    await asyncio.sleep(PAUSE_S)
                    if numbered < BATCH:
                        with suppress(TimeoutError):
                            async with asyncio.timeout(self._poll_interval_s):
                                await self._work.wait()
            await asyncio.sleep(TAKE_OVER_S)
