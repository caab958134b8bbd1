"""Has what vaults have moved to their successors, by one process at a time."""

from __future__ import annotations

import asyncio
from typing import Final

from custody.db.leases import Leases
from custody.moves.moving import Moving

REST_S: Final = 5.0
"""Between two looks at each vault that is moved."""


class MoveWorker:
    """One per process. Two that work at the same time, as when a lease changes hands, ask for
    nothing twice."""

    def __init__(self, leases: Leases, moving: Moving) -> None:
        self._leases = leases
        self._moving = moving

    async def run(self) -> None:
        while True:
            async with self._leases.hold("moves") as lease:
                while lease is not None and lease.is_held:
                    await self._moving.step()
                    await asyncio.sleep(REST_S)
            await asyncio.sleep(REST_S)
