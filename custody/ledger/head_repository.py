"""Queries on the ledger's heads and on the entries between them. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from custody.db.feed_tables import LedgerHeadRow, SequencedEntryRow
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import LedgerEntryRow
from custody.ledger.chain import Head, Placed

PART = 5_000
"""Entries in memory at once."""


async def newest(session: ReadSession) -> Head:
    """The one from which the chain goes on."""
    row = LedgerHeadRow
    ordered = select(row.position, row.digest).order_by(row.position.desc()).limit(1)
    rows = await session.rows(ordered)
    return Head(*rows[0]) if rows else Head()


async def between(session: ReadSession, after: int, last: int) -> dict[int, bytes]:
    """The digests of the heads that were stored for positions above `after`, up to `last`."""
    row = LedgerHeadRow
    found = select(row.position, row.digest).where(row.position > after, row.position <= last)
    return dict(await session.rows(found))


async def placed_after(session: ReadSession, position: int) -> Sequence[Placed]:
    """The next entries, in order."""
    place, entry = SequencedEntryRow, LedgerEntryRow
    rows: Sequence[Any] = await session.rows(
        select(
            place.position,
            place.client_id,
            place.sequence,
            entry.id,
            entry.kind,
            entry.debit_account,
            entry.credit_account,
            entry.asset,
            entry.amount,
            entry.pending_id,
            entry.subject,
            entry.reason,
            entry.created_at,
        )
        .join(entry, entry.id == place.entry_id)
        .where(place.position > position)
        .order_by(place.position)
        .limit(PART)
    )
    return [Placed(*row) for row in rows]


async def store(session: WriteSession, head: Head, now: datetime) -> None:
    row = {"position": head.position, "digest": head.digest, "created_at": now}
    await session.insert(LedgerHeadRow, [row])
