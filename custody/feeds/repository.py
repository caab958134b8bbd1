"""Queries on feeds: what waits for a number, and what has one. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Insert,
    Select,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import aliased

from custody.db.chunks import CHUNK
from custody.db.feed_tables import (
    EventRow,
    SequencedEntryRow,
    SequencedEventRow,
    UnsequencedRow,
)
from custody.db.look import Quick
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import LedgerAccountRow, LedgerEntryRow, VaultRow
from custody.errors import Conflict

Places = type[SequencedEventRow] | type[SequencedEntryRow]

BATCH = CHUNK
"""How many rows get their numbers in one transaction: tens of milliseconds in which nobody else
writes to SQLite."""


# Giving numbers: for the one leader


async def is_waiting(session: Quick) -> bool:
    """Whether anything has no number yet."""
    return bool(await session.quick_rows(_ANY, {}))


async def unsequenced(session: WriteSession) -> Sequence[int]:
    """The turns of the oldest that wait."""
    return await session.all(_OLDEST)


async def number_events(session: WriteSession, turns: Sequence[int], mark: str) -> None:
    """Those of the turns that stand for events, in the order of their turns."""
    await session.execute(_NUMBER_EVENTS, {"turns": turns, "mark": mark})


async def number_entries(session: WriteSession, turns: Sequence[int], mark: str) -> None:
    """Those that stand for ledger entries. An entry between vaults of two clients has a number in
    the feeds of both: first the one whose account is debited."""
    await session.execute(_NUMBER_ENTRIES, {"turns": turns, "mark": mark})


async def forget(session: WriteSession, turns: Sequence[int]) -> None:
    """They have their numbers. The database refuses it for what has none."""
    await session.execute(_FORGET, {"turns": turns})


# The database itself does the numbering, so that a number costs about what its row costs. The
# statements are built once.

_IS_TURN = UnsequencedRow.seq.in_(bindparam("turns", expanding=True))


def _events_and_owners() -> Select[*tuple[Any, ...]]:
    return (
        select(
            UnsequencedRow.seq.label("turn"),
            literal(0).label("side"),
            EventRow.seq.label("key"),
            func.coalesce(VaultRow.client_id, EventRow.client_id).label("client"),
        )
        .join(EventRow, EventRow.seq == UnsequencedRow.event_seq)
        .outerjoin(VaultRow, VaultRow.id == EventRow.vault_id)
        .where(_IS_TURN)
    )


def _entries_and_owners() -> CompoundSelect[*tuple[Any, ...]]:
    """Twice what touches the vaults of two clients; once what touches none."""
    debit, credit = aliased(LedgerAccountRow), aliased(LedgerAccountRow)
    payer, payee = aliased(VaultRow), aliased(VaultRow)

    def of(side: int, client: Any, belongs: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
        return (
            select(
                UnsequencedRow.seq.label("turn"),
                literal(side).label("side"),
                LedgerEntryRow.id.label("key"),
                client.label("client"),
            )
            .join(LedgerEntryRow, LedgerEntryRow.id == UnsequencedRow.entry_id)
            .join(debit, debit.id == LedgerEntryRow.debit_account)
            .join(credit, credit.id == LedgerEntryRow.credit_account)
            .outerjoin(payer, payer.id == debit.vault_id)
            .outerjoin(payee, payee.id == credit.vault_id)
            .where(_IS_TURN, belongs)
        )

    one = or_(payer.client_id.is_not(None), payee.client_id.is_(None))
    other = payee.client_id.is_distinct_from(payer.client_id) & payee.client_id.is_not(None)
    return union_all(of(0, payer.client_id, one), of(1, payee.client_id, other))


_Owned = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]


def _numbering(places: Places, key: str, owned: _Owned) -> Insert:
    """Each gets the next number of all, and the next one of its client, if it has one."""
    each = owned.subquery("owned").c
    newest = select(func.coalesce(func.max(places.position), 0)).scalar_subquery()
    newest_of_client = (
        select(func.coalesce(func.max(places.sequence), 0))
        .where(places.client_id == each.client)
        .scalar_subquery()
    )
    at = func.row_number().over(order_by=(each.turn, each.side))
    at_client = func.row_number().over(partition_by=each.client, order_by=(each.turn, each.side))
    values = {
        "position": newest + at,
        "client_id": each.client,
        "sequence": case((each.client.is_not(None), newest_of_client + at_client)),
        key: each.key,
        "mark": bindparam("mark", type_=places.__table__.c.mark.type),
    }
    return insert(places.__table__).from_select(list(values), select(*values.values()))  # type: ignore[arg-type]


_OLDEST = select(UnsequencedRow.seq).order_by(UnsequencedRow.seq).limit(BATCH)
_NUMBER_EVENTS = _numbering(SequencedEventRow, "event_seq", _events_and_owners())
_NUMBER_ENTRIES = _numbering(SequencedEntryRow, "entry_id", _entries_and_owners())
_FORGET = delete(UnsequencedRow).where(_IS_TURN)
_ANY = select(UnsequencedRow.seq).limit(literal_column("1"))


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
