"""What the small chain's node says that a call would do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from chains.effects import Asked
from chains.errors import NotSimulated
from chains.model import Address
from chains.simulation import Simulated, Watch


class FakeSimulating:
    """`simulated`: its word; None: it can't say."""

    simulated: Simulated | None = None
    _ask: Callable[..., Awaitable[Simulated]]

    async def simulate(self, payer: Address, effect: Asked, watch: Watch) -> Simulated:
        return await self._ask("simulate", self._said)

    def _said(self) -> Simulated:
        if self.simulated is None:
            raise NotSimulated("the fake node simulates nothing")
        return self.simulated
