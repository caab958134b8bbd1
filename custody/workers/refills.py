"""Has vaults refilled, by one process at a time."""

from __future__ import annotations

import asyncio
from typing import Final

from custody.db.leases import Leases
from custody.refills.refilling import Refilling

REST_S: Final = 2.0
"""Between two looks at each rule."""


class RefillWorker:
    """One per process. Two that work at the same time, as when a lease changes hands, ask for
    nothing twice."""

    def __init__(self, leases: Leases, refilling: Refilling) -> None:
        self._leases = leases
        self._refilling = refilling

    async def run(self) -> None:
        while True:
            async with self._leases.hold("refills") as lease:
                while lease is not None and lease.is_held:
                    await self._refilling.step()
                    await asyncio.sleep(REST_S)
            await asyncio.sleep(REST_S)
