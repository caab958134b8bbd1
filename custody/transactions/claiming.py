"""Step A: what a transaction will take for itself is ours before it is built.

Two workers on one transfer meet at its row's lock, and the second finds it claimed or built. Two
transactions that want the same coin or nonce meet at the claim's primary key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from chains.adapter import ChainAdapter
from chains.answers import found
from chains.errors import NodeMisbehaved
from chains.model import ConflictKey, NetworkId
from chains.transaction import TransferIntent
from custody.db.ids import new_id
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow
from custody.transactions import repository
from custody.transactions.apply import load, transition
from custody.transactions.change import ChangeAddresses
from custody.transactions.planners.payment import Plan
from custody.transactions.sources import owned, payer_of, spendable_coins
from custody.transactions.state import OPEN, Abandon, Claim, Purpose, State, can
from custody.transfers import repository as transfers
from custody.transfers.state import State as TransferState


class Claimer:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        adapters: Mapping[NetworkId, ChainAdapter],
        change: ChangeAddresses,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._adapters = adapters
        self._change = change
        self._clock = clock

    async def intent(self, plan: Plan, transaction_id: str | None) -> TransferIntent:
        """As things are now; `claim` holds what `transaction_id` has already claimed. Raises
        SignerError, CustodyError."""
        first = plan.first
        codec = self._adapters[first.network].codec
        coins = codec.traits.coins
        change = await self._change.of(first, codec) if coins else None
        own = [] if transaction_id is None else [transaction_id]
        async with self._database.read() as session:
            taken = await repository.taken(session, first.network, besides=own)
            return TransferIntent(
                network=first.network,
                effects=plan.effects,
                costs_max=plan.costs_max,
                source=None if coins else owned(await payer_of(session, first)),
                change=change,
                coins=await spendable_coins(
                    session, first.network, first.vault, taken, first.source_path
                )
                if coins
                else (),
                taken=taken,
                claim=await repository.keys_of(session, own[0]) if own else (),
            )

    async def claim(self, plan: Plan, intent: TransferIntent) -> str | None:
        """The id of a transaction with committed claims; None if somebody else was faster. Raises
        ChainError."""
        [claimed] = await self._adapters[intent.network].claim([intent])
        keys = found(claimed)
        if not intent.taken.isdisjoint(keys):
            raise NodeMisbehaved("the claim names what another transaction holds")
        try:
            async with self._database.write() as session:
                return await self._store(session, plan, keys)
        except IntegrityError:
            return None

    async def abandon(self, transaction_id: str, reason: str) -> None:
        """Nothing was built with the claim. Kept, it would make every later transfer of the address
        wait behind one that can't be built."""
        async with self._database.write() as session:
            row, _ = await repository.lock_named(session, transaction_id)
            if can(load(row), Abandon):
                await transition(session, row, Abandon(reason), self._clock())

    async def _store(
        self, session: WriteSession, plan: Plan, keys: Sequence[ConflictKey]
    ) -> str | None:
        wanted = {each.transfer: each.version for each in plan.transfers}
        rows = await transfers.lock_transfers(session, wanted)
        if any(row.state != TransferState.APPROVED for row in rows):
            return None
        contest = await repository.contest(session, plan.first.transfer)
        for transfer in wanted:
            if any(each.state in OPEN for each in await repository.contest(session, transfer)):
                return None
        now = self._clock()
        row = await _spare(session, contest, wanted)
        if row is None:
            row = transaction_row(plan.purpose, plan.first.network, plan.first.vault, now)
            row.source = plan.first.source_address or plan.first.source_path
            row.replaces = plan.replaces
            session.add(row)
            await session.flush()
            await carry(session, row, wanted)
        else:
            await transition(session, row, Claim(), now)
        await repository.claim(session, row, keys, now)
        return row.id


async def _spare(
    session: ReadSession, contest: Sequence[TransactionRow], wanted: Mapping[str, int]
) -> TransactionRow | None:
    """An attempt for the same transfers that came to no bytes."""
    for row in reversed(contest):
        if can(load(row), Claim):
            carried = await repository.carried(session, [row.id])
            if {each.transfer_id: each.mandate_version for each in carried} == wanted:
                return row
    return None


async def carry(session: WriteSession, row: TransactionRow, wanted: Mapping[str, int]) -> None:
    """The transaction is for these transfers, each in a version of its terms, for good."""
    await session.insert(
        TransactionTransferRow,
        [
            {"transaction_id": row.id, "transfer_id": transfer, "mandate_version": version}
            for transfer, version in sorted(wanted.items())
        ],
    )


def transaction_row(
    purpose: Purpose, network: NetworkId, vault: str, now: datetime
) -> TransactionRow:
    """Without bytes. `source` is the caller's to set."""
    return TransactionRow(
        id=new_id("txn"),
        network=network,
        vault_id=vault,
        purpose=purpose,
        replaces=None,
        state=State.CLAIMED,
        version=0,
        created_at=now,
        updated_at=now,
    )
