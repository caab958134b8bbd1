"""Queries on feeds: what waits for a number, and what has one. Decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import aliased

from custody.db.chunks import CHUNK
from custody.db.feed_tables import (
    EventRow,
    SequencedEntryRow,
    SequencedEventRow,
    UnsequencedRow,
)
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import ClientRow, LedgerAccountRow, LedgerEntryRow, VaultRow
from custody.errors import Conflict
from custody.feeds.numbering import Heads, Place, Waiting

Places = type[SequencedEventRow] | type[SequencedEntryRow]

BATCH = CHUNK
"""How many rows get their numbers in one transaction: tens of milliseconds in which nobody else
writes to SQLite."""


# Giving numbers: for the one leader


async def is_waiting(session: ReadSession) -> bool:
    """Whether anything has no number yet."""
    return await session.first(select(UnsequencedRow.seq).limit(1)) is not None


async def unsequenced(session: WriteSession) -> Sequence[tuple[int, int | None, str | None]]:
    """The oldest of what waits: its turn, and the key of the event or of the ledger entry."""
    columns = (UnsequencedRow.seq, UnsequencedRow.event_seq, UnsequencedRow.entry_id)
    return await session.rows(select(*columns).order_by(UnsequencedRow.seq).limit(BATCH))


async def clients_of_events(session: WriteSession, keys: Collection[int]) -> list[Waiting]:
    """In the order of `keys`."""
    owned = (
        select(EventRow.seq, VaultRow.client_id)
        .join(VaultRow, VaultRow.id == EventRow.vault_id)
        .where(EventRow.seq.in_(keys))
    )
    found = dict(await session.rows(owned)) if keys else {}
    return [Waiting(key, (found[key],) if key in found else ()) for key in keys]


async def clients_of_entries(session: WriteSession, keys: Collection[str]) -> list[Waiting]:
    """In the order of `keys`."""
    debit, credit = aliased(LedgerAccountRow), aliased(LedgerAccountRow)
    payer, payee = aliased(VaultRow), aliased(VaultRow)
    owned = (
        select(LedgerEntryRow.id, payer.client_id, payee.client_id)
        .join(debit, debit.id == LedgerEntryRow.debit_account)
        .join(credit, credit.id == LedgerEntryRow.credit_account)
        .outerjoin(payer, payer.id == debit.vault_id)
        .outerjoin(payee, payee.id == credit.vault_id)
        .where(LedgerEntryRow.id.in_(keys))
    )
    rows = await session.rows(owned) if keys else ()
    found = {key: tuple(dict.fromkeys(filter(None, clients))) for key, *clients in rows}
    return [Waiting(key, found[key]) for key in keys]


async def heads(session: WriteSession, places: Places, clients: Collection[str]) -> Heads:
    """The newest numbers of these clients."""
    newest = select(func.max(places.sequence)).where(places.client_id == ClientRow.id)
    mine = select(ClientRow.id, newest.scalar_subquery()).where(ClientRow.id.in_(clients))
    found = await session.rows(mine) if clients else ()
    return Heads(
        await session.one(select(func.coalesce(func.max(places.position), 0))),
        {client: sequence or 0 for client, sequence in found},
    )


async def store(
    session: WriteSession, places: Places, placed: Collection[Place], mark: str
) -> None:
    key = "event_seq" if places is SequencedEventRow else "entry_id"
    rows = [
        {
            "position": each.position,
            "client_id": each.client,
            "sequence": each.sequence,
            key: each.key,
            "mark": mark,
        }
        for each in placed
    ]
    await session.insert(places, rows)


async def forget(session: WriteSession, turns: Collection[int]) -> None:
    """They have their numbers. The database refuses it for what has none."""
    await session.execute(delete(UnsequencedRow).where(UnsequencedRow.seq.in_(turns)))


# Reading feeds


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far somebody has read: the newest number, and the mark that came with it. The number is
    one of a client's feed, or one of everybody's."""

    number: int = 0
    mark: str = ""


async def events_after(
    session: ReadSession, client: str | None, cursor: Cursor, limit: int
) -> Sequence[tuple[Cursor, EventRow]]:
    """The next events of a client's feed, or of everybody's (None), which also has what concerns no
    client; each with the cursor that leads on from it. The numbers follow each other without a gap.

    Raises Conflict(cursor_unknown) if this database never gave that cursor away: it was restored
    from a backup, and what came after the backup has other numbers now.
    """
    number = await _number(session, SequencedEventRow, client, cursor)
    rows = await session.rows(
        select(number, SequencedEventRow.mark, EventRow)
        .join(EventRow, EventRow.seq == SequencedEventRow.event_seq)
        .where(*_of(SequencedEventRow, client), number > cursor.number)
        .order_by(number)
        .limit(limit)
    )
    return [(Cursor(at, mark), row) for at, mark, row in rows]


async def head(session: ReadSession) -> int:
    """The number of the newest event of all; 0 before the first."""
    return await session.one(select(func.coalesce(func.max(SequencedEventRow.position), 0)))


async def newest_event(session: ReadSession, client: str | None) -> Cursor:
    """Behind everything that has a number now."""
    number: Any = SequencedEventRow.position if client is None else SequencedEventRow.sequence
    rows = await session.rows(
        select(number, SequencedEventRow.mark)
        .where(*_of(SequencedEventRow, client), number.is_not(None))
        .order_by(number.desc())
        .limit(1)
    )
    return Cursor(*rows[0]) if rows else Cursor()


async def entries_after(
    session: ReadSession, client: str | None, cursor: Cursor, limit: int
) -> Sequence[tuple[Cursor, LedgerEntryRow]]:
    """The same of ledger entries. An entry between vaults of two clients is in the feeds of both,
    and twice in everybody's."""
    number = await _number(session, SequencedEntryRow, client, cursor)
    rows = await session.rows(
        select(number, SequencedEntryRow.mark, LedgerEntryRow)
        .join(LedgerEntryRow, LedgerEntryRow.id == SequencedEntryRow.entry_id)
        .where(*_of(SequencedEntryRow, client), number > cursor.number)
        .order_by(number)
        .limit(limit)
    )
    return [(Cursor(at, mark), row) for at, mark, row in rows]


async def _number(
    session: ReadSession, places: Places, client: str | None, cursor: Cursor
) -> ColumnElement[int]:
    """The column that the cursor counts by."""
    number: Any = places.position if client is None else places.sequence
    if cursor.number:
        found = select(places.mark).where(*_of(places, client), number == cursor.number)
        if await session.first(found) != cursor.mark:
            raise Conflict("cursor_unknown", "the feed does not go on from there: read it again")
    return number  # type: ignore[no-any-return]


def _of(places: Places, client: str | None) -> list[ColumnElement[bool]]:
    return [] if client is None else [places.client_id == client]
