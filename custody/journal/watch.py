"""Reads what is new in the signer's journal, and closes the house where it can't be explained.

Whatever custody asks the signer to do is committed here before: the transaction's bytes before they
are sent, the opening of a vault before its account is asked for. So each `signed` and `vault`
record has its row, also if the answer was lost in a crash. A record without one was asked for by a
database that we no longer have, or by somebody else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog

from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.session import Database, ReadSession
from custody.journal import repository
from custody.journal.repository import Place, signer_ahead
from custody.transactions.looking import unsigned_of
from signer.client import SignerUnavailable
from signer.records import (
    JournalPage,
    JournalRecord,
    PolicyRecord,
    RecoveredRecord,
    SignedRecord,
    VaultRecord,
)
from signer.wire import Status, tx_digest

log = structlog.get_logger()


class JournalReader(Protocol):
    """The part of the signer's client that tells of its journal."""

    async def status(self) -> Status: ...

    async def records(self, after: int) -> JournalPage: ...


class JournalWatch:
    """One per process; what it finds is in the database, for all processes."""

    def __init__(
        self, database: Database, signer: JournalReader, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._signer = signer
        self._clock = clock

    async def check(self) -> Status:
        """The signer's status, once everything in its journal is known here.

        Called at the start, regularly, and before anything is signed: the database may have become
        an older one between two questions, so what was read is looked up in it each time. A locked
        signer tells nothing. Raises Unavailable signer_ahead, SignerError.
        """
        # In this order: what is known before the signer speaks, it must know when it does.
        async with self._database.look() as look:
            at, told = await repository.place_and_told(look)
        status = await self._signer.status()
        if at.closed_since is not None:
            raise signer_ahead()
        if not status.locked:
            if (status.sequence < at.sequence) is not told:
                await self._note_behind(behind=not told)
            while at.sequence < status.sequence:
                at = await self._read(at)
        return status

    async def is_open(self) -> bool:
        """Whether nothing was found that is unknown here. Asks the database alone."""
        async with self._database.look() as look:
            return (await repository.place(look)).closed_since is None

    async def _read(self, at: Place) -> Place:
        """One page further. Raises Unavailable signer_ahead."""
        page = await self._signer.records(at.sequence)
        if page.through <= at.sequence:
            raise SignerUnavailable("the signer's journal ends before its own number")
        async with self._database.read() as session:
            unknown = await unexplained(session, page.records)
        async with self._database.write() as session:
            now_at = await repository.lock_place(session)
            if now_at.closed_since is None and now_at.sequence <= at.sequence:
                now_at = _closed(now_at, unknown, self._clock()) if unknown else _past(page)
                await repository.keep_policies(session, page.records, self._clock())
                await repository.move(session, now_at)
            if now_at.closed_since is not None:
                words = now_at.reason or "unknown"
                await raise_alarm(session, AlarmCode.SIGNER_AHEAD, words, self._clock())
        if now_at.closed_since is not None:
            raise signer_ahead()
        return now_at

    async def _note_behind(self, *, behind: bool) -> None:
        """A signer that has forgotten what we know refuses by itself; a person must be told."""
        async with self._database.write() as session:
            if behind:
                words = "the signer has forgotten records that custody holds receipts for"
                await raise_alarm(session, AlarmCode.SIGNER_BEHIND, words, self._clock())
            else:
                await clear_alarm(session, AlarmCode.SIGNER_BEHIND, self._clock())


async def unexplained(
    session: ReadSession, records: Collection[JournalRecord]
) -> list[JournalRecord]:
    """Those of the records that nothing in the database stands for. A recovery of the journal is
    one of them: what it lost may have been lost here too, and only a person can know."""
    signed = [record for record in records if isinstance(record, SignedRecord)]
    opened = [record for record in records if isinstance(record, VaultRecord)]
    digests = {
        (transfer, tx_digest(unsigned_of(row)))
        for transfer, row in await repository.transactions_for(session, signed)
    }
    vaults = await repository.known_vaults(session, [record.vault for record in opened])

    def is_known(record: JournalRecord) -> bool:
        match record:
            case SignedRecord():
                return (record.mandate.core.transfer, tx_digest(record.tx)) in digests
            case VaultRecord():
                return vaults.get(record.vault, -1) in (None, record.account)
            case PolicyRecord():
                return True
            case RecoveredRecord():
                return False

    return [record for record in records if not is_known(record)]


def _past(page: JournalPage) -> Place:
    return Place(page.through, page.head)


def _closed(at: Place, unknown: Collection[JournalRecord], now: datetime) -> Place:
    first = min(record.sequence for record in unknown)
    reason = f"record {first} of the signer's journal, and perhaps later ones, are not known here"
    log.error("signer_ahead", record=first, known=at.sequence)
    return replace(at, closed_since=now, reason=reason)
