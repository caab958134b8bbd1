"""Has later addresses swept by rule, by one process at a time."""

from __future__ import annotations

import asyncio
from typing import Final

from custody.db.leases import Leases
from custody.sweeps.sweeping import Sweeping

REST_S: Final = 5.0
"""Between two looks at each rule."""


class SweepWorker:
    """One per process. Two that work at the same time, as when a lease changes hands, ask for
    nothing twice."""

    def __init__(self, leases: Leases, sweeping: Sweeping) -> None:
        self._leases = leases
        self._sweeping = sweeping

    async def run(self) -> None:
        while True:
            async with self._leases.hold("sweeps") as lease:
                while lease is not None and lease.is_held:
                    await self._sweeping.step()
                    await asyncio.sleep(REST_S)
            await asyncio.sleep(REST_S)
