"""Step C: the signer is asked about stored bytes, and its word becomes what the database says.

A receipt is checked and stored, with the final bytes and their txid, before any node sees them. A
refusal says that these bytes were not signed and that others may be built later, or it ends the
transfer that is in the way. If a reply is lost, the same bytes are sent again and get the same
signature.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

import structlog

from chains.codec import TransactionCodec
from chains.errors import ChainError, SignatureMismatch
from chains.model import NetworkId, SignedTx
from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.session import Database, WriteSession
from custody.db.transfer_tables import TransactionRow, TransferRow
from custody.ledger.service import Ledger
from custody.transactions import repository
from custody.transactions.apply import load
from custody.transactions.looking import Built, stored
from custody.transactions.messages import reader_of
from custody.transactions.moving import Ending, Step, move
from custody.transactions.outcomes import Done, Later, Progress, signer_code, together, trouble
from custody.transactions.queueing import WAITS, Queue
from custody.transactions.state import Refuse, Sign, can
from custody.transfers import counting
from custody.transfers.state import Event, State
from custody.vaults.repository import lock_vaults
from signer.client import SignerError
from signer.wire import (
    Consent,
    Outcome,
    Purpose,
    Receipt,
    Refusal,
    RefusalCode,
    SignRequest,
    canonical_json,
    tx_digest,
)

NOT_NOW: Final = frozenset(
    {
        RefusalCode.NEEDS_APPROVALS,
        RefusalCode.NOT_YET,
        RefusalCode.LOCKED,
        RefusalCode.STOPPED,
        RefusalCode.UNAUTHENTICATED,
        RefusalCode.BASIS,
    }
)
"""Refusals that time, people, the operator or another version of the terms heal, and that recorded
nothing."""

_LIFETIME: Final = "lifetime"
"""The detail of a refusal of bytes that are over, or good for too long."""
_WAITING: Final = (State.APPROVED, State.IN_FLIGHT)

log = structlog.get_logger()


class Signer(Protocol):
    """The part of the signer's client that signs."""

    async def sign(
        self, requests: Sequence[SignRequest], follows: Collection[int] = ()
    ) -> tuple[Outcome, ...]: ...


class Signing:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        signer: Signer,
        codecs: Mapping[NetworkId, TransactionCodec],
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._signer = signer
        self._codecs = codecs
        self._clock = clock

    async def ask(self, queues: Sequence[Queue]) -> dict[str, Progress]:
        """Have all of them signed and store what the signer says: one request, in which each of a
        queue but the first follows the one before it. What comes after one that was not signed was
        not looked at. Progress by transfer."""
        asking = [each for queue in queues for each in queue]
        if not asking:
            return {}
        firsts = {queue[0].transaction_id for queue in queues if queue}
        follows = [at for at, each in enumerate(asking) if each.transaction_id not in firsts]
        try:
            outcomes = await self._signer.sign([request_of(each) for each in asking], follows)
        except SignerError as error:
            return _for_all(asking, trouble(error, "signer"))
        steps = _for_all(asking, WAITS)
        asked: dict[str, Built] = {}
        answers: dict[str, Outcome] = {}
        for at, (each, outcome) in enumerate(zip(asking, outcomes, strict=True)):
            before = asking[at - 1].transaction_id
            if at in follows and not isinstance(answers.get(before), Receipt):
                continue
            asked[each.transaction_id], answers[each.transaction_id] = each, outcome

        async def store(transaction_ids: Sequence[str]) -> Mapping[str, Progress]:
            return await self._store([(asked[each], answers[each]) for each in transaction_ids])

        stored_steps = await together(list(asked), store)
        return steps | {
            transfer: stored_steps[each.transaction_id]
            for each in asked.values()
            for transfer in each.transfers
        }

    async def repeat(self, built: Built) -> Outcome:
        """Ask again for bytes that the signer has signed before, and store its receipt. Raises
        SignerError, SignatureMismatch."""
        (outcome,) = await self._signer.sign([request_of(built)])
        if isinstance(outcome, Receipt):
            await self._store_receipts([(built, outcome)])
        return outcome

    async def _store(self, answered: Sequence[tuple[Built, Outcome]]) -> dict[str, Progress]:
        """Receipts first, all at once, because their bytes can leave then."""
        receipts = [(built, each) for built, each in answered if isinstance(each, Receipt)]
        await self._store_receipts(receipts)
        steps: dict[str, Progress] = {built.transaction_id: Done() for built, _ in receipts}
        for built, each in answered:
            if isinstance(each, Receipt):
                continue
            if each.code is RefusalCode.CONFLICT:
                steps[built.transaction_id] = await self._find_signed(built, each)
            else:
                steps[built.transaction_id] = await self._store_refusal(built, each)
        return steps

    async def _store_receipts(self, receipts: Sequence[tuple[Built, Receipt]]) -> None:
        """Raises SignatureMismatch if one is no receipt for its bytes and its mandates."""
        if not receipts:
            return
        signed = {built.transaction_id: self._signed(built, each) for built, each in receipts}
        async with self._database.write() as session:
            locked = await repository.lock_all(session, signed)
            complete: list[Step] = []
            for built, receipt in receipts:
                row, transfers = locked[built.transaction_id]
                waiting = all(each.state in _WAITING for each in transfers)
                if not can(load(row), Sign) or not waiting:
                    continue  # another worker stored the same, or it ended before the answer came
                bytes_ = signed[row.id]
                _complete(row, bytes_, receipt)
                complete.append(Step(row, transfers, Sign(bytes_.txid)))
            await move(session, self._ledger, complete, self._clock())
            await session.flush()
            done = {step.row.id for step in complete}
            signed_now = [
                (each.mandate, receipt.signed_at)
                for built, receipt in receipts
                if built.transaction_id in done
                for each in built.agreed
            ]
            # The vaults before the ledger's accounts, as everywhere.
            await lock_vaults(session, {mandate.core.vault for mandate, _ in signed_now})
            await counting.take(session, signed_now)
            named = [each.id for step in complete for each in step.transfers]
            contests = await repository.contests(session, named)
            for step in complete:
                await self._refuse_others(session, step.row, step.transfers, contests)

    def _signed(self, built: Built, receipt: Receipt) -> SignedTx:
        try:
            _check_receipt(built, receipt)
            reader = reader_of(self._codecs[built.tx.network], built.purpose)
            return reader.attach(built.tx, receipt.signatures)
        except ChainError as error:
            kind = type(error).__name__
            log.error("verdict_unusable", transaction=built.transaction_id, error=kind)
            raise

    async def _refuse_others(
        self,
        session: WriteSession,
        signed: TransactionRow,
        transfers: Sequence[TransferRow],
        contests: Mapping[str, Sequence[TransactionRow]],
    ) -> None:
        """Other bytes for the same transfers that wait for the signer's word. Unless they are meant
        to replace these, it signs none of them any more: the receipt is its word about them too."""
        for transfer in transfers:
            for other in contests[transfer.id]:
                if other.id == signed.id or other.replaces == signed.id:
                    continue
                if can(load(other), Refuse):
                    row, named = await repository.lock_named(session, other.id)
                    row.refusal = RefusalCode.CONFLICT
                    step = Step(row, named, Refuse("other bytes were signed"))
                    await move(session, self._ledger, [step], self._clock())

    async def _store_refusal(self, built: Built, refusal: Refusal) -> Progress:
        """For every code but CONFLICT, which says that other bytes were signed.

        UNAVAILABLE changes nothing: the signer may have decided for these very bytes and failed
        after that, so they and no others are sent again.
        """
        assert refusal.code is not RefusalCode.CONFLICT
        if refusal.code is RefusalCode.UNAVAILABLE:
            return Later(signer_code(refusal.code))
        async with self._database.write() as session:
            row, transfers = await repository.lock_named(session, built.transaction_id)
            if can(load(row), Refuse):
                row.refusal = refusal.code
                event = Refuse(f"{refusal.code}/{refusal.detail}")
                step = Step(row, transfers, event, _endings(refusal, built))
                await move(session, self._ledger, [step], self._clock())
        if is_not_now(refusal) or len(built.transfers) > 1:  # the others go without it
            return Later(signer_code(refusal.code))
        log.warning("signer_refused", code=refusal.code, detail=refusal.detail)
        return Done()

    async def _find_signed(self, built: Built, refusal: Refusal) -> Progress:
        """Other bytes were signed for this mandate. If they are ours, an answer was lost: ask for
        it again. If not, somebody else had them signed, and what is reserved may be on its way:
        nothing is released, and a person has to look."""
        async with self._database.read() as session:
            contests = await repository.contests(session, built.transfers)
            others = [
                row
                for transfer, contest in contests.items()
                if refusal.transfer in (None, transfer)
                for row in reversed(contest)
                if row.id != built.transaction_id and can(load(row), Sign)
            ]
            earlier = await stored(session, others)
        for each in earlier:
            if isinstance(await self.repeat(each), Receipt):
                return Done()
        async with self._database.write() as writing:
            row, _ = await repository.lock_named(writing, built.transaction_id)
            await raise_alarm(
                writing,
                AlarmCode.SIGNED_ELSEWHERE,
                f"transfers {', '.join(built.transfers)}: {refusal.message}",
                self._clock(),
                network=built.tx.network,
                vault=row.vault_id,
            )
            if len(built.transfers) > 1 and refusal.transfer is not None:
                # The signer signed none of this; the others go without the one that it names.
                row, named = await repository.lock_named(writing, built.transaction_id)
                if can(load(row), Refuse):
                    row.refusal = refusal.code
                    refused = Step(row, named, Refuse("other bytes were signed"))
                    await move(writing, self._ledger, [refused], self._clock())
        return Later(signer_code(RefusalCode.CONFLICT))


def is_not_now(refusal: Refusal) -> bool:
    """Whether others may be signed later. Bytes that were over before anybody signed them say
    nothing against new ones."""
    stale = (refusal.code, refusal.detail) == (RefusalCode.MALFORMED, _LIFETIME)
    return stale or refusal.code in NOT_NOW


def request_of(built: Built) -> SignRequest:
    """What the signer is asked. A cancel shows what was agreed to, and asks nobody again."""
    approvals = built.purpose is not Purpose.CANCEL
    consents = tuple(
        Consent(each.mandate, each.approvals if approvals else ()) for each in built.agreed
    )
    return SignRequest(built.purpose, built.tx, consents)


def _for_all(built: Sequence[Built], step: Progress) -> dict[str, Progress]:
    return {transfer: step for each in built for transfer in each.transfers}


def _check_receipt(built: Built, receipt: Receipt) -> None:
    agreed = {(each.mandate.core.transfer, each.mandate.digest) for each in built.agreed}
    signed = set(zip(receipt.transfers, receipt.mandates, strict=True))
    if (receipt.purpose, signed) != (built.purpose, agreed):
        raise SignatureMismatch("a receipt for another mandate")
    if receipt.tx_digest != tx_digest(built.tx):
        raise SignatureMismatch("a receipt for another transaction")


def _endings(refusal: Refusal, built: Built) -> dict[str, Ending]:
    """What the refusal means, beyond these bytes, for the transfer that is in the way: the one that
    it names, or the only one. Of several none of which is named, none ends."""
    named = built.transfers[0] if len(built.transfers) == 1 else refusal.transfer
    if is_not_now(refusal) or named is None:
        return {}
    if refusal.code is RefusalCode.EXPIRED:
        return {named: (Event.LAPSE, None)}
    said = f"signer/{refusal.code}/{refusal.detail}: {refusal.message}"
    return {named: (Event.REFUSE, said)}


def _complete(row: TransactionRow, signed: SignedTx, receipt: Receipt) -> None:
    assert row.raw is None, "signed bytes are never overwritten"
    row.raw = signed.raw
    row.refusal = None
    row.receipt = canonical_json(receipt.to_json())
    row.receipt_sequence = receipt.sequence
    row.receipt_head = receipt.head
    row.signed_at = receipt.signed_at
