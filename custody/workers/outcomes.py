"""Compares what calls did with what was agreed to, by one process at a time for each network."""

from __future__ import annotations

import asyncio
from typing import Final

from custody.db.leases import Leases
from custody.outcomes.comparing import Comparing

REST_S: Final = 5.0


class OutcomeWorker:
    """One for each network and process."""

    def __init__(self, leases: Leases, network: str, comparing: Comparing) -> None:
        self._leases = leases
        self._network = network
        self._comparing = comparing

    async def run(self) -> None:
        while True:
            async with self._leases.hold(f"outcomes:{self._network}") as lease:
                while lease is not None and lease.is_held:
                    await self._comparing.step()
                    await asyncio.sleep(REST_S)
            await asyncio.sleep(REST_S)
