"""Steps A and B: from approved transfers to unsigned bytes in the database.

    A  claim     what the transaction will take is ours, by a unique key, before it is built
    B  build     the unsigned bytes are stored before the signer sees them

A crash after A is followed by B with the same claim; a crash after B by the same bytes. Which
transactions to build, and for which transfers, is for the planners to say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, Protocol

from chains.adapter import ChainAdapter
from chains.answers import found as answered
from chains.costs import above
from chains.errors import BuildError, ClaimUnusable, NodeMisbehaved
from chains.model import NetworkId, UnsignedTx
from chains.transaction import TransferIntent
from custody.db.session import Database
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.apply import load
from custody.transactions.change import ChangeAddresses
from custody.transactions.claiming import Claimer
from custody.transactions.looking import Built, look, stored
from custody.transactions.moving import move
from custody.transactions.outcomes import Done, Later, Progress
from custody.transactions.planners import payment
from custody.transactions.planners.payment import NotYet, Plan, Waiting
from custody.transactions.state import Build, can
from custody.transfers.precheck import Precheck
from custody.transfers.state import State as TransferState

_ATTEMPTS: Final = 5


class Planner(Protocol):
    """What to build for transfers that wait, or why not yet. Pure."""

    def __call__(self, waiting: Sequence[Waiting], now: datetime) -> Sequence[Plan | NotYet]: ...


PLANNERS: Final[Sequence[Planner]] = (payment.plan,)
"""Asked in order; a transfer is the first one's that plans it."""


class Builder:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        adapters: Mapping[NetworkId, ChainAdapter],
        claimer: Claimer,
        change: ChangeAddresses,
        precheck: Precheck,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._adapters = adapters
        self._claimer = claimer
        self._change = change
        self._precheck = precheck
        self._clock = clock

    async def build(self, transfer_id: str) -> Built | Progress:
        """The stored bytes for the signer, or why there are none.

        Raises ChainError, SignerError, CustodyError.
        """
        try:
            for _ in range(_ATTEMPTS):
                step = await self._try(transfer_id)
                if step is not None:
                    return step
            return Later(ClaimUnusable.code)
        finally:
            self._change.release(transfer_id)

    async def _try(self, transfer_id: str) -> Built | Progress | None:
        """None: things are not what they were; look again."""
        async with self._database.read() as session:
            found = await look(session, transfer_id, self._precheck, self._clock)
        if isinstance(found, Done | Built):
            return found
        planned = _plan(found.waiting, self._clock())
        if isinstance(planned, NotYet):
            return planned.later
        transaction_id = None if found.claimed is None else found.claimed.id
        intent = await self._claimer.intent(planned, transaction_id)
        if transaction_id is None:
            transaction_id = await self._claimer.claim(planned, intent)
            if transaction_id is None:
                return None
            async with self._database.read() as session:
                keys = await repository.keys_of(session, transaction_id)
            intent = replace(intent, claim=keys)
        try:
            tx = await self._prepare(planned, intent)
        except BuildError as error:
            await self._claimer.abandon(transaction_id, error.code)
            if isinstance(error, ClaimUnusable):
                return None
            raise
        return await self._store(planned, transaction_id, tx)

    async def _prepare(self, plan: Plan, intent: TransferIntent) -> UnsignedTx:
        adapter = self._adapters[intent.network]
        [prepared] = await adapter.prepare([intent])
        tx = answered(prepared)
        summary = adapter.codec.summarize(tx)
        agreed = (
            Counter(summary.effects) == Counter(plan.effects)
            and above(summary.costs.most, plan.costs_max) is None
            and summary.conflict_keys == frozenset(intent.claim)
            and not summary.unexplained
        )
        if not agreed:
            raise NodeMisbehaved("the transaction built is not the one asked for")
        return tx

    async def _store(self, plan: Plan, transaction_id: str, tx: UnsignedTx) -> Built | Progress:
        async with self._database.write() as session:
            row, transfers = await repository.lock_named(session, transaction_id)
            waiting = all(each.state == TransferState.APPROVED for each in transfers)
            if not can(load(row), Build) or not waiting:
                return Later("busy")
            row.payload, row.sender = tx.payload, tx.sender
            await move(session, self._ledger, row, transfers, Build(), self._clock())
            await session.flush()
            built = await stored(session, row)
        self._change.forget(plan.first.transfer)
        return built


def _plan(waiting: Waiting, now: datetime) -> Plan | NotYet:
    """The first planner's that plans it."""
    planned = [each for planner in PLANNERS for each in planner([waiting], now)]
    return next((each for each in planned if isinstance(each, Plan)), planned[0])
