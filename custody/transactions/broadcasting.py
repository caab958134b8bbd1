"""Step D: hands stored bytes to a node, byte for byte, until one has taken them.

A node's no is noted and proves nothing: another node may hold the transaction, or have it in a
block. So nothing is ever released here; only tracking, from final blocks, ends a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from chains.adapter import ChainAdapter
from chains.answers import found
from chains.errors import BroadcastRejected, ChainError
from chains.model import NetworkId, SignedTx, TxId
from custody.db.session import Database
from custody.db.transfer_tables import TransactionRow
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.apply import load
from custody.transactions.moving import move
from custody.transactions.outcomes import Done, Later, Progress
from custody.transactions.state import Publish, State, can
from custody.transfers.state import State as TransferState

log = structlog.get_logger()


class Broadcaster:
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

    async def broadcast(self, transaction_id: str) -> Progress:
        """Send the signed bytes of a transaction that is signed or was broadcast before."""
        async with self._database.read() as session:
            row = await session.get(TransactionRow, transaction_id)
        if row is None or row.state not in (State.SIGNED, State.BROADCAST):
            return Done()
        signed = signed_of(row)
        try:
            [said] = await self._adapters[signed.network].broadcast([signed])
            answer = found(said)
        except ChainError as error:
            log.warning(
                "broadcast_failed",
                transaction=transaction_id,
                code=error.code,
                reason=error.reason if isinstance(error, BroadcastRejected) else None,
            )
            await self._note(transaction_id, error.code)
            return Later(error.code)
        log.info("broadcast", transaction=transaction_id, txid=signed.txid, answer=answer)
        await self._published(transaction_id)
        return Done()

    async def _published(self, transaction_id: str) -> None:
        async with self._database.write() as session:
            row, transfers = await repository.lock_named(session, transaction_id)
            now = self._clock()
            row.broadcast_at = row.broadcast_at or now
            if can(load(row), Publish):
                await move(session, self._ledger, row, transfers, Publish(), now)
            for each in transfers:
                if row.state == State.BROADCAST:
                    each.waiting = None

    async def _note(self, transaction_id: str, code: str) -> None:
        async with self._database.write() as session:
            carried = await repository.carried(session, [transaction_id])
            ids = [each.transfer_id for each in carried]
            await repository.note_waiting(session, ids, [TransferState.IN_FLIGHT], code)


def signed_of(row: TransactionRow) -> SignedTx:
    """The stored bytes, exactly."""
    assert row.raw is not None and row.txid is not None
    return SignedTx(NetworkId(row.network), TxId(row.txid), row.raw)
