"""Moves queued transfers to signed bytes. Nothing else in custody asks for a signature.

    A  claim     what the transaction will consume is ours, by a unique key, before it is built
    B  build     the unsigned bytes are stored before the signer sees them
    C  sign      the signature and the txid are stored before any node sees them

Each step commits before the next begins, and each begins by looking at what is committed; so a
crash anywhere is followed by the same step again, with the same claim or the same bytes. If a
reply of the signer is lost, the same bytes are sent again and get the same signature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog
from sqlalchemy import update

from chains.errors import BuildError, ChainError, InvalidInput
from custody.alarms.codes import AlarmCode
from custody.alarms.service import raise_alarm
from custody.db.session import Database
from custody.db.tables import TransferRow
from custody.errors import CustodyError
from custody.journal.watch import JournalWatch
from custody.ledger.service import Ledger
from custody.transfers import repository
from custody.transfers.apply import load, transition
from custody.transfers.builder import Builder, Built, unsigned_of
from custody.transfers.outcomes import Done, Later, Progress, contained, signer_code
from custody.transfers.state import GiveUp, State, can
from custody.transfers.verdicts import Verdicts
from signer.client import SignerError, SignerRefused
from signer.wire import Outcome, Receipt, Refusal, RefusalCode, SignRequest

log = structlog.get_logger()


class Signer(Protocol):
    """The part of the signer's client that signs."""

    async def sign(self, requests: Sequence[SignRequest]) -> tuple[Outcome, ...]: ...


class Driver:
    """One per process."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        signer: Signer,
        builder: Builder,
        verdicts: Verdicts,
        journal: JournalWatch,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._signer = signer
        self._builder = builder
        self._verdicts = verdicts
        self._journal = journal
        self._clock = clock

    async def sign(self, transfer_ids: Sequence[str]) -> Mapping[str, Progress]:
        """Take each of the transfers as far as it goes now; those that get there are signed in one
        request. Never raises for one transfer's trouble."""
        progress = dict(await self._sign(list(dict.fromkeys(transfer_ids))))
        for transfer_id, outcome in progress.items():
            if isinstance(outcome, Later):
                await self._note(transfer_id, outcome.code)
        return progress

    async def _sign(self, transfer_ids: Sequence[str]) -> Mapping[str, Progress]:
        trouble = await self._trouble()
        if trouble is not None:  # then nothing is built that would grow stale
            return dict.fromkeys(transfer_ids, trouble)
        progress: dict[str, Progress] = {}
        built: list[Built] = []
        for transfer_id in transfer_ids:
            step = await self._build(transfer_id)
            if isinstance(step, Built):
                built.append(step)
            else:
                progress[transfer_id] = step
        return progress | await self._ask(built)

    async def _trouble(self) -> Later | None:
        """A signer that is away or locked, or that has signed what is not known here."""
        try:
            status = await self._journal.check()
        except (SignerError, CustodyError) as error:
            return _later(error)
        return Later(signer_code(RefusalCode.LOCKED)) if status.locked else None

    async def _build(self, transfer_id: str) -> Built | Progress:
        try:
            return await contained(self._builder.build(transfer_id), transfer_id)
        except InvalidInput as error:
            # Found only now, because only a node knows it: it will not get better.
            await self._give_up(transfer_id, f"{error.code}: {error}")
            return Done()
        except (ChainError, SignerError, CustodyError) as error:
            level = log.info if isinstance(error, BuildError) else log.warning
            level("build_waits", transfer=transfer_id, error=type(error).__name__)
            return _later(error)

    async def _ask(self, built: Sequence[Built]) -> dict[str, Progress]:
        if not built:
            return {}
        try:
            outcomes = await self._signer.sign([each.request for each in built])
        except SignerError as error:
            return {each.request.mandate.transfer: _later(error) for each in built}
        return {
            each.request.mandate.transfer: await self._take(each, outcome)
            for each, outcome in zip(built, outcomes, strict=True)
        }

    async def _take(self, built: Built, outcome: Outcome) -> Progress:
        try:
            return await contained(self._store(built, outcome), outcome.transfer)
        except (ChainError, SignerError) as error:
            log.error("verdict_unusable", transfer=outcome.transfer, error=type(error).__name__)
            return _later(error)

    async def _store(self, built: Built, outcome: Outcome) -> Progress:
        if isinstance(outcome, Receipt):
            return await self._verdicts.store_receipt(built, outcome)
        if outcome.code is RefusalCode.CONFLICT:
            return await self._find_signed(built, outcome)
        return await self._verdicts.store_refusal(built, outcome)

    async def _find_signed(self, built: Built, refusal: Refusal) -> Progress:
        """Other bytes were signed for this mandate. If they are ours, an answer was lost: ask for
        it again. If not, somebody else had them signed, and what is reserved may be on its way:
        nothing is released, and a person has to look."""
        mandate, approvals = built.request.mandate, built.request.approvals
        async with self._database.read() as session:
            rows = await repository.transactions_of(session, mandate.transfer)
        for row in rows:
            if row.id == built.transaction_id:
                continue
            earlier = Built(row.id, SignRequest(mandate, unsigned_of(row), approvals))
            (outcome,) = await self._signer.sign([earlier.request])
            if isinstance(outcome, Receipt):
                return await self._verdicts.store_receipt(earlier, outcome)
        async with self._database.write() as writing:
            message = f"transfer {mandate.transfer}: {refusal.message}"
            await raise_alarm(
                writing,
                AlarmCode.SIGNED_ELSEWHERE,
                message,
                self._clock(),
                network=mandate.network,
                vault=mandate.vault,
            )
        return Later(signer_code(RefusalCode.CONFLICT))

    async def _give_up(self, transfer_id: str, reason: str) -> None:
        async with self._database.write() as session:
            row = await repository.lock_transfer(session, transfer_id)
            assert row is not None
            before = await load(session, row)
            if can(before, GiveUp):
                event = GiveUp(reason)
                await transition(session, self._ledger, row, before, event, self._clock())

    async def _note(self, transfer_id: str, code: str) -> None:
        """Show what a queued transfer waits for."""
        async with self._database.write() as session:
            await session.execute(
                update(TransferRow)
                .where(
                    TransferRow.id == transfer_id,
                    TransferRow.state == State.QUEUED,
                    TransferRow.waiting.is_distinct_from(code),
                )
                .values(waiting=code)
            )


def _later(error: Exception) -> Later:
    """The code that the API shows while we wait."""
    if isinstance(error, ChainError | CustodyError):
        return Later(error.code)
    if isinstance(error, SignerRefused):
        return Later(signer_code(error.code))
    return Later("signer_unavailable")
