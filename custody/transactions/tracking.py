"""Step E: what became of signed transactions, looked at again with every new block.

Our own chain of blocks, as the follower stored it, is what counts: a node's "included" is believed
once our chain holds that very block, and final is what the follower declared final. So what is
settled here and what is credited there stand on the same blocks, also while nodes disagree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chains.adapter import ChainAdapter
from chains.answers import found
from chains.errors import DeathUnproven
from chains.model import BlockRef, NetworkId, SignedTx
from chains.transaction import TxState, TxStatus
from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.leases import Lease
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.deposits import chain_repository
from custody.journal.rebuilding import hold_late
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.apply import load
from custody.transactions.broadcasting import signed_of
from custody.transactions.doubts import Doubt, Doubts
from custody.transactions.moving import move
from custody.transactions.state import (
    ON_CHAIN,
    Die,
    Disconnect,
    Event,
    Finalize,
    Include,
    Publish,
    Revert,
    State,
    Transaction,
    can,
)
from custody.transactions.work import Work, enqueue
from custody.transfers import repository as transfers_repository
from custody.transfers.ending import exceeds

_CONCURRENCY: Final = 8
"""Questions to one node at a time."""
DEAD_WATCHED: Final = timedelta(days=1)
"""For how long what was proven dead is looked at all the same: proofs rest on nodes."""


@dataclass(frozen=True, slots=True)
class Chain:
    """What our own blocks say. `final`: the newest final block; `holds`: whether the block asked
    about is on our chain, or lies so deep that we have forgotten it."""

    final: BlockRef | None
    holds: Callable[[BlockRef], bool]


def judge(transaction: Transaction, status: TxStatus, chain: Chain) -> Event | None:
    """The one thing that happened next, if anything did. Pure; asked again after each event."""
    if transaction.block is not None and not chain.holds(transaction.block):
        return Disconnect()
    if status.state in (TxState.INCLUDED, TxState.REVERTED):
        assert status.block is not None
        if not chain.holds(status.block):
            return None  # our follower is not there yet, or the node is on another branch
        if transaction.block != status.block:
            failure = status.reason or "failed" if status.state is TxState.REVERTED else None
            return Include(status.block, status.costs, status.held, failure)
        if chain.final is not None and status.block.height <= chain.final.height:
            return Finalize() if transaction.reason is None else Revert()
        return None
    if status.state is TxState.PENDING and transaction.state is State.SIGNED:
        return Publish()
    return None


class Tracker:
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
        self._doubts = Doubts(database, clock)

    async def track(self, network: NetworkId, lease: Lease | None = None) -> None:
        """Bring every transaction on the network up to date with our chain. Raises NodeError; what
        was not reached is reached next time. `lease`: checked in each transaction of the database;
        raises LeaseLost."""
        async with self._database.read() as session:
            rows = [
                *await repository.on_chain(session, network),
                *await repository.dead_since(session, network, self._clock() - DEAD_WATCHED),
            ]
            final = await _final(session, network) if rows else None
        slots = asyncio.Semaphore(_CONCURRENCY)

        async def one(row: TransactionRow) -> Doubt | None:
            async with slots:
                return await self._track(network, row, final, lease)

        results = await asyncio.gather(*(one(each) for each in rows), return_exceptions=True)
        failures = [each for each in results if isinstance(each, BaseException)]
        doubts = [each for each in results if isinstance(each, Doubt)]
        await self._doubts.note(network, doubts, complete=not failures)
        for failure in failures:  # one transaction's trouble must not keep the others waiting
            raise failure

    async def _track(
        self, network: NetworkId, row: TransactionRow, final: BlockRef | None, lease: Lease | None
    ) -> Doubt | None:
        async with self._database.read() as session:
            if await _rests(session, row, final):
                return None
        if row.state != State.DEAD and not await self._hold(row, lease):
            return None
        adapter = self._adapters[network]
        signed = signed_of(row)
        [shown] = await adapter.statuses([signed.txid])
        status = found(shown)
        after = await self._apply(row, status, lease)
        if after is not None and after.state is State.INCLUDED:
            # Its block is final on our chain, and a reorg is the follower's business: what the
            # node does not show now takes nothing back.
            if status.block == after.block:
                return None
            return Doubt(row.id, row.vault_id, "was in a final block; not shown any more")
        if row.state == State.DEAD:
            return None
        if status.state is TxState.UNKNOWN or (status.reason and status.state is TxState.PENDING):
            return await self._missing(adapter, row, signed, final, lease)
        return None

    async def _hold(self, row: TransactionRow, lease: Lease | None) -> bool:
        """What was rebuilt from the signer's journal is not settled before its money is held."""
        async with self._database.read() as session:
            waiting = await transfers_repository.unheld_of(session, row.id)
        for transfer_id in waiting:
            async with self._database.write() as writing:
                if lease is not None:
                    await lease.check(writing)
                if not await hold_late(writing, self._ledger, transfer_id, self._clock()):
                    return False
        return True

    async def _apply(
        self, seen: TransactionRow, status: TxStatus, lease: Lease | None
    ) -> Transaction | None:
        """The transaction after all that `status` says of it; None if that can't be told."""
        async with self._database.write() as session:
            if lease is not None:
                await lease.check(session)
            row, transfers = await repository.lock_named(session, seen.id)
            before = load(row)
            if (row.version, row.state) != (seen.version, seen.state):
                return None  # the answer is about what it was before
            chain = await _chain(session, NetworkId(row.network), before, status)
            while (event := judge(before, status, chain)) is not None:
                if isinstance(event, Finalize | Revert) and not await self._can_settle(
                    session, row, transfers
                ):
                    return before
                before = await move(session, self._ledger, row, transfers, event, self._clock())
                if before.state not in ON_CHAIN:
                    return before
            return before

    async def _can_settle(
        self, session: WriteSession, row: TransactionRow, transfers: Sequence[TransferRow]
    ) -> bool:
        """Not if more left than was reserved: the signer's limit on costs failed or the node lies.
        Settling would break the ledger and not settling keeps the money held, so that is what
        happens. And not before all is held."""
        if await transfers_repository.unheld_of(session, row.id):
            return False
        if not await exceeds(session, row):
            return True
        for each in transfers:
            each.waiting = "fee_above_reservation"
        await raise_alarm(
            session,
            AlarmCode.FEE_ABOVE_RESERVATION,
            f"transaction {row.id} cost more than its transfers may",
            self._clock(),
            network=NetworkId(row.network),
            vault=row.vault_id,
        )
        return False

    async def _missing(
        self,
        adapter: ChainAdapter,
        seen: TransactionRow,
        signed: SignedTx,
        final: BlockRef | None,
        lease: Lease | None,
    ) -> Doubt | None:
        """The node does not know it: it is dead, or it is sent again."""
        doubt = None
        try:
            reason = None if final is None else await _death(adapter, signed, final)
        except DeathUnproven as error:
            reason, doubt = None, Doubt(seen.id, seen.vault_id, str(error))
        async with self._database.write() as session:
            if lease is not None:
                await lease.check(session)
            row, transfers = await repository.lock_named(session, seen.id)
            now = self._clock()
            if reason is not None and can(load(row), Die):
                await move(session, self._ledger, row, transfers, Die(reason), now)
            elif row.state == State.BROADCAST and not await repository.is_queued(
                session, Work.BROADCAST, row.id
            ):
                await enqueue(session, Work.BROADCAST, row.id, row.network, now)
        return doubt


async def _death(adapter: ChainAdapter, signed: SignedTx, final: BlockRef) -> str | None:
    [shown] = await adapter.proven_dead([signed], final)
    return found(shown)


async def _final(session: ReadSession, network: NetworkId) -> BlockRef | None:
    """The newest final block, if its hash is still remembered."""
    height = await chain_repository.newest_final_height(session, network)
    if height is None:
        return None
    found = await chain_repository.hashes_at(session, network, [height])
    return BlockRef(height, found[height]) if height in found else None


async def _rests(session: ReadSession, row: TransactionRow, final: BlockRef | None) -> bool:
    """In a block that is still on our chain and not final: nothing can have changed."""
    if row.block_height is None:
        return False
    if final is not None and row.block_height <= final.height:
        return False
    found = await chain_repository.hashes_at(session, NetworkId(row.network), [row.block_height])
    return found.get(row.block_height) == row.block_hash


async def _chain(
    session: ReadSession, network: NetworkId, transaction: Transaction, status: TxStatus
) -> Chain:
    blocks: Sequence[BlockRef] = [each for each in (transaction.block, status.block) if each]
    hashes = await chain_repository.hashes_at(session, network, [each.height for each in blocks])
    oldest = await chain_repository.oldest_height(session, network)

    def holds(block: BlockRef) -> bool:
        if block.height in hashes:
            return hashes[block.height] == block.hash
        return block.height < oldest

    return Chain(await _final(session, network), holds)
