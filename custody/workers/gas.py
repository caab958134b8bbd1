"""Has addresses topped up, by one process at a time."""

from __future__ import annotations

import asyncio
from typing import Final

from custody.db.leases import Leases
from custody.gas.station import GasStation

REST_S: Final = 1.0
"""Between two looks at what waits."""


class GasWorker:
    """One per process. Two that work at the same time, as when a lease changes hands, ask for
    nothing twice."""

    def __init__(self, leases: Leases, station: GasStation) -> None:
        self._leases = leases
        self._station = station

    async def run(self) -> None:
        while True:
            async with self._leases.hold("gas") as lease:
                while lease is not None and lease.is_held:
                    await self._station.step()
                    await asyncio.sleep(REST_S)
            await asyncio.sleep(REST_S)
