"""Step E: what became of signed transactions, looked at again with every new block.

Our own chain of blocks, as the follower stored it, is what counts: a node's "included" is believed
once our chain holds that very block, and final is what the follower declared final. So what is
settled here and what is credited there stand on the same blocks, also while nodes disagree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from chains.adapter import ChainAdapter
from chains.answers import found
from chains.errors import DeathUnproven
from chains.model import BlockRef, NetworkId, SignedTx
from chains.transaction import TxState, TxStatus
from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.leases import Lease
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.tables import BlockRow, OutboxRow, TransferRow
from custody.deposits import chain_repository
from custody.journal.rebuilding import hold_late
from custody.ledger.service import Ledger
from custody.transfers import repository
from custody.transfers.apply import enqueue, load, transition
from custody.transfers.broadcaster import signed_of
from custody.transfers.doubts import Doubt, Doubts
from custody.transfers.state import (
    ON_CHAIN,
    Die,
    Disconnect,
    Event,
    Finalize,
    Include,
    Publish,
    Revert,
    State,
    Transfer,
    Work,
    can,
)

_CONCURRENCY = 8
"""Questions to one node at a time."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What our own blocks say. `final`: the newest final block; `holds`: whether the block asked
    about is on our chain, or lies so deep that we have forgotten it."""

    final: BlockRef | None
    holds: Callable[[BlockRef], bool]


def judge(transfer: Transfer, status: TxStatus, chain: Chain) -> Event | None:
    """The one thing that happened next, if anything did. Pure; asked again after each event."""
    if transfer.block is not None and not chain.holds(transfer.block):
        return Disconnect()
    if status.state in (TxState.INCLUDED, TxState.REVERTED):
        assert status.block is not None
        if not chain.holds(status.block):
            return None  # our follower is not there yet, or the node is on another branch
        if transfer.block != status.block:
            failure = status.reason or "failed" if status.state is TxState.REVERTED else None
            gone, held = sum(status.costs.values()), sum(status.held.values())
            return Include(status.block, gone, held, failure)
        if chain.final is not None and status.block.height <= chain.final.height:
            return Finalize() if transfer.reason is None else Revert()
        return None
    if status.state is TxState.PENDING and transfer.state is State.SIGNED:
        return Publish()
    return None


class Tracker:
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
        self._doubts = Doubts(database, clock)

    async def track(self, network: NetworkId, lease: Lease | None = None) -> None:
        """Bring every transfer on the network up to date with our chain. Raises NodeError; what
        was not reached is reached next time. `lease`: checked in each transaction; raises
        LeaseLost."""
        async with self._database.read() as session:
            ids = await repository.ids_in_state(session, network)
            final = await _final(session, network) if ids else None
        slots = asyncio.Semaphore(_CONCURRENCY)

        async def one(transfer_id: str) -> Doubt | None:
            async with slots:
                return await self._track(network, transfer_id, final, lease)

        results = await asyncio.gather(*(one(each) for each in ids), return_exceptions=True)
        failures = [each for each in results if isinstance(each, BaseException)]
        doubts = [each for each in results if isinstance(each, Doubt)]
        await self._doubts.note(network, doubts, complete=not failures)
        for failure in failures:  # one transfer's trouble must not keep the others waiting
            raise failure

    async def _track(
        self, network: NetworkId, transfer_id: str, final: BlockRef | None, lease: Lease | None
    ) -> Doubt | None:
        async with self._database.read() as session:
            row = await session.get(TransferRow, transfer_id)
            transaction = await repository.signed_transaction(session, transfer_id)
            if row is None or transaction is None or row.state not in ON_CHAIN:
                return None
            if await _rests(session, row, final):
                return None
        if row.amount_reservation_id is None and not await self._hold(transfer_id, lease):
            return None
        adapter = self._adapters[network]
        signed = signed_of(transaction)
        [shown] = await adapter.statuses([signed.txid])
        status = found(shown)
        after = await self._apply(row, status, lease)
        if after is not None and after.state is State.INCLUDED:
            # Its block is final on our chain, and a reorg is the follower's business: what the
            # node does not show now takes nothing back.
            if status.block == after.block:
                return None
            return Doubt(transfer_id, row.vault_id, "was in a final block; not shown any more")
        if status.state is TxState.UNKNOWN or (status.reason and status.state is TxState.PENDING):
            return await self._missing(adapter, row, signed, final, lease)
        return None

    async def _hold(self, transfer_id: str, lease: Lease | None) -> bool:
        """What was rebuilt from the signer's journal is not settled before its money is held."""
        async with self._database.write() as session:
            if lease is not None:
                await lease.check(session)
            return await hold_late(session, self._ledger, transfer_id, self._clock())

    async def _apply(
        self, seen: TransferRow, status: TxStatus, lease: Lease | None
    ) -> Transfer | None:
        """The transfer after all that `status` says of it; None if that can't be told."""
        async with self._database.write() as session:
            if lease is not None:
                await lease.check(session)
            row = await repository.lock_transfer(session, seen.id)
            assert row is not None
            before = await load(session, row)
            if before.state not in ON_CHAIN or row.version != seen.version:
                return None  # the answer is about what it was before
            chain = await _chain(session, NetworkId(row.network), before, status)
            while (event := judge(before, status, chain)) is not None:
                if isinstance(event, Finalize | Revert) and await self._exceeds(session, row):
                    return before
                before = await transition(session, self._ledger, row, before, event, self._clock())
                if before.state not in ON_CHAIN:
                    return before
            return before

    async def _exceeds(self, session: WriteSession, row: TransferRow) -> bool:
        """More left than was reserved: the signer's limit on fees failed or the node lies. Settling
        would break the ledger and not settling keeps the money held, so that is what happens."""
        if (row.fee or 0) + (row.locked or 0) <= row.costs_max:
            return False
        row.waiting = "fee_above_reservation"
        await raise_alarm(
            session,
            AlarmCode.FEE_ABOVE_RESERVATION,
            f"transfer {row.id} cost more than it may",
            self._clock(),
            network=NetworkId(row.network),
            vault=row.vault_id,
        )
        return True

    async def _missing(
        self,
        adapter: ChainAdapter,
        seen: TransferRow,
        signed: SignedTx,
        final: BlockRef | None,
        lease: Lease | None,
    ) -> Doubt | None:
        """The node does not know it: it is dead, or it is sent again."""
        doubt = None
        try:
            reason = None
            if final is not None:
                [proof] = await adapter.proven_dead([signed], final)
                reason = found(proof)
        except DeathUnproven as error:
            reason, doubt = None, Doubt(seen.id, seen.vault_id, str(error))
        async with self._database.write() as session:
            if lease is not None:
                await lease.check(session)
            row = await repository.lock_transfer(session, seen.id)
            assert row is not None
            before = await load(session, row)
            if reason is not None and can(before, Die):
                await transition(session, self._ledger, row, before, Die(reason), self._clock())
            elif before.state is State.BROADCAST and not await _is_queued(session, seen.id):
                await enqueue(session, Work.BROADCAST, seen.id, row.network, self._clock())
        return doubt


async def _final(session: ReadSession, network: NetworkId) -> BlockRef | None:
    """The newest final block, if its hash is still remembered."""
    height = await chain_repository.newest_final_height(session, network)
    if height is None:
        return None
    found = await chain_repository.hashes_at(session, network, [height])
    return BlockRef(height, found[height]) if height in found else None


async def _rests(session: ReadSession, row: TransferRow, final: BlockRef | None) -> bool:
    """In a block that is still on our chain and not final: nothing can have changed."""
    if row.block_height is None:
        return False
    if final is not None and row.block_height <= final.height:
        return False
    found = await chain_repository.hashes_at(session, NetworkId(row.network), [row.block_height])
    return found.get(row.block_height) == row.block_hash


async def _chain(
    session: ReadSession, network: NetworkId, transfer: Transfer, status: TxStatus
) -> Chain:
    blocks: Sequence[BlockRef] = [each for each in (transfer.block, status.block) if each]
    hashes = await chain_repository.hashes_at(session, network, [each.height for each in blocks])
    oldest = await session.one(select(func.min(BlockRow.height)).where(BlockRow.network == network))

    def holds(block: BlockRef) -> bool:
        if block.height in hashes:
            return hashes[block.height] == block.hash
        return oldest is not None and block.height < oldest

    return Chain(await _final(session, network), holds)


async def _is_queued(session: ReadSession, transfer_id: str) -> bool:
    waiting = await session.first(
        select(OutboxRow.seq).where(
            OutboxRow.subject == transfer_id, OutboxRow.kind == Work.BROADCAST
        )
    )
    return waiting is not None
