"""Step D: hands stored bytes to a node, byte for byte, until one has taken them.

A node's no is noted and proves nothing: another node may hold the transaction, or have it in a
block. So nothing is ever released here; only the tracker, from final blocks, ends a transfer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from sqlalchemy import update

from chains.adapter import ChainAdapter
from chains.answers import found
from chains.errors import BroadcastRejected, ChainError
from chains.model import NetworkId, SignedTx, TxId
from custody.db.session import Database
from custody.db.tables import TransactionRow, TransferRow
from custody.ledger.service import Ledger
from custody.transfers import repository
from custody.transfers.apply import load, transition
from custody.transfers.outcomes import Done, Later, Progress
from custody.transfers.state import Publish, State, can

log = structlog.get_logger()


class Broadcaster:
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

    async def broadcast(self, transfer_id: str) -> Progress:
        """Send the signed bytes of a transfer that is signed or was broadcast before."""
        async with self._database.read() as session:
            row = await session.get(TransferRow, transfer_id)
            if row is None or row.state not in (State.SIGNED, State.BROADCAST):
                return Done()
            transaction = await repository.signed_transaction(session, transfer_id)
        assert transaction is not None
        signed = signed_of(transaction)
        try:
            [said] = await self._adapters[signed.network].broadcast([signed])
            answer = found(said)
        except ChainError as error:
            log.warning(
                "broadcast_failed",
                transfer=transfer_id,
                code=error.code,
                reason=error.reason if isinstance(error, BroadcastRejected) else None,
            )
            await self._note(transfer_id, error.code)
            return Later(error.code)
        log.info("broadcast", transfer=transfer_id, txid=signed.txid, answer=answer)
        await self._published(transfer_id, transaction.id)
        return Done()

    async def _published(self, transfer_id: str, transaction_id: str) -> None:
        async with self._database.write() as session:
            row = await repository.lock_transfer(session, transfer_id)
            assert row is not None
            now = self._clock()
            await session.execute(
                update(TransactionRow)
                .where(TransactionRow.id == transaction_id, TransactionRow.broadcast_at.is_(None))
                .values(broadcast_at=now)
            )
            before = await load(session, row)
            if can(before, Publish):
                await transition(session, self._ledger, row, before, Publish(), now)
            elif before.state is State.BROADCAST:
                row.waiting = None

    async def _note(self, transfer_id: str, code: str) -> None:
        async with self._database.write() as session:
            await session.execute(
                update(TransferRow)
                .where(
                    TransferRow.id == transfer_id,
                    TransferRow.state.in_([State.SIGNED, State.BROADCAST]),
                    TransferRow.waiting.is_distinct_from(code),
                )
                .values(waiting=code)
            )


def signed_of(row: TransactionRow) -> SignedTx:
    """The stored bytes, exactly."""
    assert row.raw is not None and row.txid is not None
    return SignedTx(NetworkId(row.network), TxId(row.txid), row.raw)
