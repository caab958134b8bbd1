"""Step C, second half: what the signer said becomes what the database says.

A receipt is checked and stored, with the final bytes and their txid, before any node sees them. A
refusal ends the transfer, or says that these bytes were not signed and others may be built later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from chains.codec import TransactionCodec
from chains.errors import SignatureMismatch
from chains.model import NetworkId, SignedTx
from custody.db.session import Database, WriteSession
from custody.db.tables import TransactionRow
from custody.ledger.service import Ledger
from custody.transfers import repository
from custody.transfers.apply import load, transition
from custody.transfers.builder import Built
from custody.transfers.outcomes import Done, Later, Progress, signer_code
from custody.transfers.state import Event, Lapse, Postpone, Refuse, Sign, State, can
from signer.wire import Receipt, Refusal, RefusalCode, canonical_json, tx_digest

NOT_NOW = frozenset(
    {
        RefusalCode.NEEDS_APPROVALS,
        RefusalCode.NOT_YET,
        RefusalCode.LOCKED,
        RefusalCode.UNAUTHENTICATED,
    }
)
"""Refusals that time, people or the operator heal, and that recorded nothing."""

log = structlog.get_logger()


class Verdicts:
    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        codecs: Mapping[NetworkId, TransactionCodec],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._codecs = codecs
        self._clock = clock

    async def store_receipt(self, built: Built, receipt: Receipt) -> Progress:
        """Raises SignatureMismatch if this is no receipt for these bytes and this mandate."""
        request = built.request
        if receipt.mandate_digest != request.mandate.digest():
            raise SignatureMismatch("a receipt for another mandate")
        if receipt.tx_digest != tx_digest(request.tx):
            raise SignatureMismatch("a receipt for another transaction")
        signed = self._codecs[request.tx.network].attach(request.tx, receipt.signatures)
        async with self._database.write() as session:
            row = await repository.lock_transfer(session, request.mandate.transfer)
            assert row is not None
            if row.state != State.QUEUED:
                return Done()  # another worker stored the same, or it ended before the answer came
            transaction = await self._adopt(session, built)
            before = await load(session, row)
            _complete(transaction, signed, receipt)
            event = Sign(signed.txid)
            await transition(session, self._ledger, row, before, event, self._clock())
        return Done()

    async def store_refusal(self, built: Built, refusal: Refusal) -> Progress:
        """For every code but CONFLICT, which says that other bytes were signed.

        UNAVAILABLE changes nothing: the signer may have decided for these very bytes and failed
        after that, so they and no others are sent again.
        """
        assert refusal.code is not RefusalCode.CONFLICT
        if refusal.code is RefusalCode.UNAVAILABLE:
            return Later(signer_code(refusal.code))
        async with self._database.write() as session:
            row = await repository.lock_transfer(session, built.request.mandate.transfer)
            assert row is not None
            transaction = await session.get(TransactionRow, built.transaction_id)
            assert transaction is not None
            before = await load(session, row)
            event = _event_of(refusal)
            if transaction.refusal is None and can(before, type(event)):
                # The event is judged on the transfer as it was while these bytes were out.
                transaction.refusal = refusal.code
                await transition(session, self._ledger, row, before, event, self._clock())
        if refusal.code in NOT_NOW:
            return Later(signer_code(refusal.code))
        log.warning("signer_refused", code=refusal.code, detail=refusal.detail)
        return Done()

    async def _adopt(self, session: WriteSession, built: Built) -> TransactionRow:
        """The row of the bytes that were signed, as the only one whose answer counts: the signer
        signs at most one, so its receipt settles what became of all others.

        Bytes that were postponed once gave their claims back; signed after all, they consume them.
        """
        rows = await repository.transactions_of(session, built.request.mandate.transfer)
        for row in rows:
            if row.id != built.transaction_id and row.refusal is None:
                row.refusal = RefusalCode.CONFLICT
        adopted = next(row for row in rows if row.id == built.transaction_id)
        if adopted.refusal is not None:
            adopted.refusal = None
            summary = self._codecs[built.request.tx.network].summarize(built.request.tx)
            await repository.claim_missing(
                session, adopted.transfer_id, adopted.network, summary.conflict_keys, self._clock()
            )
        await session.flush()
        return adopted


def _event_of(refusal: Refusal) -> Event:
    if refusal.code in NOT_NOW:
        return Postpone()
    if refusal.code is RefusalCode.EXPIRED:
        return Lapse()
    return Refuse(f"signer/{refusal.code}/{refusal.detail}: {refusal.message}")


def _complete(transaction: TransactionRow, signed: SignedTx, receipt: Receipt) -> None:
    assert transaction.raw is None, "signed bytes are never overwritten"
    transaction.raw = signed.raw
    transaction.txid = signed.txid
    transaction.receipt_sequence = receipt.sequence
    transaction.receipt_head = receipt.head
    transaction.receipt = canonical_json(receipt.to_json())
    transaction.signed_at = receipt.signed_at
