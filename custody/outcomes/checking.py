"""Looks once more, before a call is signed, whether it would do what people agreed to.

What was shown when it was approved may be hours old. So the newest block is asked, by the nodes
that custody has: outside the bounds nothing is signed, the number that was taken is let go, and the
transfer says what changed. It is built and looked at again later, as long as its terms stand; other
bounds are another transfer, since what was agreed to never changes. A chain or a node that
simulates nothing holds nobody up: then only what the bytes themselves bound is certain, and who
approved was told so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

import structlog

from chains.adapter import ChainAdapter, SimulatesCalls
from chains.errors import ChainError, NotSimulated
from chains.model import NetworkId
from chains.simulation import Simulated
from custody.db.session import Database
from custody.errors import Unavailable
from custody.ledger.service import Ledger
from custody.outcomes import repository
from custody.outcomes.model import Before, Bounded, before, bounded
from custody.transactions.apply import load
from custody.transactions.looking import Built
from custody.transactions.moving import Step, move
from custody.transactions.outcomes import Later, trouble
from custody.transactions.repository import lock_all
from custody.transactions.state import Refuse, can
from signer.wire import Core

_STOPPED: Final = Later("contract_stopped")
_HELD: Final = {
    Before.OUTSIDE: Later("outcome_outside"),
    Before.FAILS: Later("call_would_fail"),
}

log = structlog.get_logger()


class Checking:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        adapters: Mapping[NetworkId, ChainAdapter],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._adapters = adapters
        self._clock = clock

    async def look(self, built: Sequence[Built]) -> dict[str, Later]:
        """By transaction, what those that call wait for and must not be signed now; they are let
        go."""
        held: dict[str, Later] = {}
        for each in built:
            for agreed in each.agreed:
                try:
                    wanted = bounded(agreed.mandate.core)
                    waits = None if wanted is None else await self._waits(wanted)
                except ChainError as error:
                    waits = trouble(error, each.transaction_id)
                if waits is not None:
                    held[each.transaction_id] = waits
        await self._let_go(held)
        return held

    async def _waits(self, wanted: Bounded) -> Later | None:
        async with self._database.read() as session:
            place = wanted.vault, wanted.network, wanted.call.contract
            if await repository.standing(session, *place) is not None:
                return _STOPPED
        if not wanted.bounds:
            return None
        adapter = self._adapters[wanted.network]
        native = adapter.codec.network.native.id
        simulated = await simulated_by(adapter, wanted)
        if simulated is None:
            found, said, block = Before.UNKNOWN, "", None
        else:
            (found, said), block = before(wanted, native, simulated), simulated.block
        async with self._database.write() as writing:
            await repository.note_before(writing, wanted, found, said, block, self._clock())
        return _HELD.get(found)

    async def _let_go(self, held: Mapping[str, Later]) -> None:
        """The signer was not asked: others would wait behind the numbers that they took."""
        if not held:
            return
        async with self._database.write() as session:
            locked = await lock_all(session, list(held))
            steps = [
                Step(row, transfers, Refuse(held[row.id].code))
                for row, transfers in locked.values()
                if can(load(row), Refuse)
            ]
            await move(session, self._ledger, steps, self._clock())
        log.info("let_go_unsigned", transactions={each: held[each].code for each in held})


async def shown_by(adapter: ChainAdapter, core: Core) -> tuple[Simulated, str | None] | None:
    """What its call would do now, and what of that is out of its bounds. None of what calls
    nothing, of what would fail, and where nobody simulates. Raises Unavailable."""
    wanted = bounded(core)
    if wanted is None:
        return None
    try:
        simulated = await simulated_by(adapter, wanted)
    except ChainError as error:
        raise Unavailable(error.code, "what the call does can't be said now") from error
    if simulated is None or simulated.failure is not None:
        return None
    found, said = before(wanted, adapter.codec.network.native.id, simulated)
    return simulated, said if found is Before.OUTSIDE else None


async def simulated_by(adapter: ChainAdapter, wanted: Bounded) -> Simulated | None:
    """None where nobody simulates. Raises ChainError."""
    if not isinstance(adapter, SimulatesCalls):
        return None
    try:
        return await adapter.simulate(wanted.payer, wanted.call, wanted.watch)
    except NotSimulated:
        return None
