"""Who goes first in a process: payouts that have not left yet.

All loops share one thread and, on SQLite, one writer. Following a chain and settling what is final
can wait a moment; the customer whose payout has not left can't be told so. The wait is bounded, so
that a backlog of payouts does not stop a chain from being followed.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from chains.model import NetworkId

STEP_S = 1.0
"""How long a step of following lets payouts go first, at most: it takes a moment, and a few blocks
more then."""
SET_S = 0.25
"""The same of what is done in small sets, as settling and numbering: a backlog of payouts must not
make one of these."""


class Turns:
    """One per process."""

    def __init__(self) -> None:
        self._busy: set[NetworkId] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def busy(self) -> bool:
        """Whether something leaves, or is about to, on any network."""
        return bool(self._busy)

    def sends(self, network: NetworkId) -> None:
        self._busy.add(network)
        self._idle.clear()

    def rests(self, network: NetworkId) -> None:
        self._busy.discard(network)
        if not self._busy:
            self._idle.set()

    async def before_step(self) -> None:
        """Until nothing leaves any more, or a step of following has let payouts go long enough."""
        await self._give_way(STEP_S)

    async def before_set(self) -> None:
        """The same before a set."""
        await self._give_way(SET_S)

    async def _give_way(self, timeout: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._idle.wait()
