"""Step E: what became of signed transactions, looked at again with every new block.

Our own chain of blocks, as the follower stored it, is what counts: a node's "included" is believed
once our chain holds that very block, and final is what the follower declared final. So what is
settled here and what is credited there stand on the same blocks, also while nodes disagree.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from chains.adapter import ChainAdapter
from chains.answers import Answers, chunks
from chains.costs import UNBOUNDED
from chains.errors import ChainError, DeathUnproven
from chains.model import BlockRef, NetworkId
from chains.transaction import TxState, TxStatus
from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.leases import Lease, LeaseLost
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.following import chain_repository
from custody.journal.rebuilding import hold_late
from custody.ledger.service import Ledger
from custody.outbox import Work, enqueue
from custody.transactions import repository
from custody.transactions.apply import load
from custody.transactions.broadcasting import signed_of
from custody.transactions.charging import exceeding
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
from custody.transfers import repository as transfers_repository

T = TypeVar("T")

TOGETHER: Final = 64
"""Transactions that are asked about and judged at once."""
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
        raises LeaseLost. What waits for its first broadcast is not asked about."""
        async with self._database.read() as session:
            waiting = await repository.untried(session, Work.BROADCAST, network)
            on_chain = await repository.on_chain(session, network)
            rows = [
                *(row for row in on_chain if row.state != State.SIGNED or row.id not in waiting),
                *await repository.dead_since(session, network, self._clock() - DEAD_WATCHED),
            ]
            final = await _final(session, network) if rows else None
            rows = await _restless(session, network, rows, final)
        doubts: list[Doubt] = []
        failures: list[Exception] = []
        for part in chunks(rows, TOGETHER):
            await self._track(network, part, final, lease, doubts, failures)
        await self._doubts.note(network, doubts, complete=not failures)
        for failure in failures:  # one transaction's trouble must not keep the others waiting
            raise failure

    async def _track(
        self,
        network: NetworkId,
        rows: Sequence[TransactionRow],
        final: BlockRef | None,
        lease: Lease | None,
        doubts: list[Doubt],
        failures: list[Exception],
    ) -> None:
        """One set. Appends to `doubts` and `failures`."""
        adapter = self._adapters[network]
        rows = [row for row in rows if row.state == State.DEAD or await self._hold(row, lease)]
        answers = await answered(adapter.statuses([signed_of(row).txid for row in rows]), len(rows))
        shown: dict[str, tuple[TransactionRow, TxStatus]] = {}
        for row, answer in zip(rows, answers, strict=True):
            if isinstance(answer, ChainError):
                failures.append(answer)
            else:
                shown[row.id] = row, answer
        after = await self._applied(shown, lease, failures)
        missing = []
        for transaction_id, transaction in after.items():
            row, status = shown[transaction_id]
            if transaction is not None and transaction.state is State.INCLUDED:
                # Its block is final on our chain, and a reorg is the follower's business: what the
                # node does not show now takes nothing back.
                if status.block != transaction.block:
                    words = "was in a final block; not shown any more"
                    doubts.append(Doubt(row.id, row.vault_id, words))
            elif row.state != State.DEAD and _is_missing(status):
                missing.append(row)
        await self._missing(adapter, missing, final, lease, doubts, failures)

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

    async def _applied(
        self,
        shown: Mapping[str, tuple[TransactionRow, TxStatus]],
        lease: Lease | None,
        failures: list[Exception],
    ) -> dict[str, Transaction | None]:
        """`_apply` all in one transaction of the database; if that fails, each in its own."""
        try:
            return await self._apply(shown, lease)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - told by whoever called `track`
            if len(shown) == 1:
                failures.append(error)
                return {}
        after: dict[str, Transaction | None] = {}
        for each, pair in shown.items():
            after |= await self._applied({each: pair}, lease, failures)
        return after

    async def _apply(
        self, shown: Mapping[str, tuple[TransactionRow, TxStatus]], lease: Lease | None
    ) -> dict[str, Transaction | None]:
        """Each transaction after all that its status says of it; None if that can't be told."""
        if not shown:
            return {}
        async with self._database.write() as session:
            if lease is not None:
                await lease.check(session)
            locked = await repository.lock_all(session, shown)
            network = NetworkId(next(iter(shown.values()))[0].network)
            blocks = [
                block
                for row, _ in locked.values()
                for block in (load(row).block, shown[row.id][1].block)
                if block is not None
            ]
            chain = await _chain(session, network, blocks)
            return {
                row.id: await self._judged(session, row, transfers, *shown[row.id], chain)
                for row, transfers in locked.values()
            }

    async def _judged(
        self,
        session: WriteSession,
        row: TransactionRow,
        transfers: Sequence[TransferRow],
        seen: TransactionRow,
        status: TxStatus,
        chain: Chain,
    ) -> Transaction | None:
        before = load(row)
        if (row.version, row.state) != (seen.version, seen.state):
            return None  # the answer is about what it was before
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
        happens. Of a kind that nothing bounds more may leave: that is booked, and told. And not
        before all is held."""
        if await transfers_repository.unheld_of(session, row.id):
            return False
        above = await exceeding(session, row)
        if not above:
            return True
        settles = above <= UNBOUNDED
        if not settles:
            for each in transfers:
                each.waiting = "fee_above_reservation"
        await raise_alarm(
            session,
            AlarmCode.FEE_ABOVE_RESERVATION,
            f"transaction {row.id} cost more than its transfers may, in {', '.join(sorted(above))}",
            self._clock(),
            network=NetworkId(row.network),
            vault=row.vault_id,
        )
        return settles

    async def _missing(
        self,
        adapter: ChainAdapter,
        seen: Sequence[TransactionRow],
        final: BlockRef | None,
        lease: Lease | None,
        doubts: list[Doubt],
        failures: list[Exception],
    ) -> None:
        """The node does not know them: each is dead, or it is sent again."""
        if not seen:
            return
        proofs: Answers[str | None] = [None] * len(seen)
        if final is not None:
            asking = adapter.proven_dead([signed_of(row) for row in seen], final)
            proofs = await answered(asking, len(seen))
        reasons: dict[str, str | None] = {}
        for row, proof in zip(seen, proofs, strict=True):
            if isinstance(proof, DeathUnproven):
                doubts.append(Doubt(row.id, row.vault_id, str(proof)))
                reasons[row.id] = None
            elif isinstance(proof, ChainError):
                failures.append(proof)
            else:
                reasons[row.id] = proof
        async with self._database.write() as session:
            if lease is not None:
                await lease.check(session)
            now = self._clock()
            locked = await repository.lock_all(session, reasons)
            queued = await repository.queued(session, Work.BROADCAST, reasons)
            for row, transfers in locked.values():
                reason = reasons[row.id]
                if reason is not None and can(load(row), Die):
                    await move(session, self._ledger, row, transfers, Die(reason), now)
                elif row.state == State.BROADCAST and row.id not in queued:
                    await enqueue(session, Work.BROADCAST, row.id, row.network, now)


async def answered(asking: Awaitable[Answers[T]], count: int) -> Answers[T]:
    """The answers about a set of `count`; an error that is raised is each one's."""
    try:
        return await asking
    except ChainError as error:
        return [error] * count


def _is_missing(status: TxStatus) -> bool:
    """Whether the node does not know it, or shows it where it can't stay."""
    unexecuted = bool(status.reason) and status.state is TxState.PENDING
    return status.state is TxState.UNKNOWN or unexecuted


async def _final(session: ReadSession, network: NetworkId) -> BlockRef | None:
    """The newest final block, if its hash is still remembered."""
    height = await chain_repository.newest_final_height(session, network)
    if height is None:
        return None
    found = await chain_repository.hashes_at(session, network, [height])
    return BlockRef(height, found[height]) if height in found else None


async def _restless(
    session: ReadSession,
    network: NetworkId,
    rows: Sequence[TransactionRow],
    final: BlockRef | None,
) -> list[TransactionRow]:
    """All but those in a block that is still on our chain and not final: there nothing can have
    changed."""
    heights = {row.block_height for row in rows if row.block_height is not None}
    hashes = await chain_repository.hashes_at(session, network, sorted(heights))

    def rests(row: TransactionRow) -> bool:
        height = row.block_height
        if height is None or (final is not None and height <= final.height):
            return False
        return hashes.get(height) == row.block_hash

    return [row for row in rows if not rests(row)]


async def _chain(session: ReadSession, network: NetworkId, blocks: Sequence[BlockRef]) -> Chain:
    """As far as it says something about the blocks."""
    heights = sorted({each.height for each in blocks})
    hashes = await chain_repository.hashes_at(session, network, heights)
    oldest = await chain_repository.oldest_height(session, network)

    def holds(block: BlockRef) -> bool:
        if block.height in hashes:
            return hashes[block.height] == block.hash
        return block.height < oldest

    return Chain(await _final(session, network), holds)
