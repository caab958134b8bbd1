"""Has coins consolidated and split by rule, by one process at a time."""

from __future__ import annotations

import asyncio
from typing import Final

from custody.coins.arranging import Arranging
from custody.db.leases import Leases

REST_S: Final = 10.0
"""Between two looks at each rule, which reads the coins of its vault."""


class CoinWorker:
    """One per process. Two that work at the same time, as when a lease changes hands, ask for
    nothing twice."""

    def __init__(self, leases: Leases, arranging: Arranging) -> None:
        self._leases = leases
        self._arranging = arranging

    async def run(self) -> None:
        while True:
            async with self._leases.hold("coins") as lease:
                while lease is not None and lease.is_held:
                    await self._arranging.step()
                    await asyncio.sleep(REST_S)
            await asyncio.sleep(REST_S)
