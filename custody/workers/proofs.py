"""Has proofs of what is final kept, by one process at a time for each network."""

from __future__ import annotations

import asyncio
from typing import Final

from chains.model import NetworkId
from custody.audit.capturing import Capturing
from custody.db.leases import Leases
from custody.workers.turns import Turns

REST_S: Final = 2.0
"""Between two looks."""


class ProofWorker:
    """One per network and process. Payouts that leave go first."""

    def __init__(
        self, leases: Leases, network: NetworkId, capturing: Capturing, turns: Turns
    ) -> None:
        self._leases = leases
        self._network = network
        self._capturing = capturing
        self._turns = turns

    async def run(self) -> None:
        while True:
            async with self._leases.hold(f"proofs:{self._network}") as lease:
                if lease is not None:
                    await self._capturing.begin(lease)
                while lease is not None and lease.is_held:
                    await self._turns.before_step()
                    await self._capturing.step(lease)
                    await asyncio.sleep(REST_S)
            await asyncio.sleep(REST_S)
