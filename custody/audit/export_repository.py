"""Queries for exports: rows by their numbers in a feed. Decides nothing.

A number is one of a client's feed, or one of everybody's (client None). Numbers have no gaps, so a
query that looks at so many of them reads a bounded part of the database, whatever it finds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import aliased

from custody.db.feed_tables import EventRow, SequencedEntryRow, SequencedEventRow
from custody.db.session import ReadSession
from custody.db.tables import AddressRow, DepositRow, LedgerAccountRow, LedgerEntryRow
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow, TransferRow
from custody.feeds.repository import Places

ENTRIES: Final = SequencedEntryRow
EVENTS: Final = SequencedEventRow


async def newest_number(session: ReadSession, places: Places, client: str | None) -> int:
    """0 if nothing has a number yet."""
    number = _number(places, client)
    newest = select(func.coalesce(func.max(number), 0)).where(*_of(places, client))
    return await session.one(newest)


async def time_of(session: ReadSession, places: Places, client: str | None, at: int) -> datetime:
    """When what has this number happened."""
    here = (*_of(places, client), _number(places, client) == at)
    if places is SequencedEntryRow:
        key = select(SequencedEntryRow.entry_id).where(*here)
        return await session.one(
            select(LedgerEntryRow.created_at).where(LedgerEntryRow.id == key.scalar_subquery())
        )
    event = select(SequencedEventRow.event_seq).where(*here)
    return await session.one(
        select(EventRow.created_at).where(EventRow.seq == event.scalar_subquery())
    )


Exported = Sequence[tuple[Any, ...]]
"""Each row with its number before it."""


async def entries(session: ReadSession, client: str | None, after: int, last: int) -> Exported:
    """Of the numbers above `after` up to `last`: the client, the entry, and its two accounts."""
    debit, credit = aliased(LedgerAccountRow), aliased(LedgerAccountRow)
    number = _number(SequencedEntryRow, client)
    return await session.rows(
        select(number, SequencedEntryRow.client_id, LedgerEntryRow, debit, credit)
        .join(LedgerEntryRow, LedgerEntryRow.id == SequencedEntryRow.entry_id)
        .join(debit, debit.id == LedgerEntryRow.debit_account)
        .join(credit, credit.id == LedgerEntryRow.credit_account)
        .where(*_of(SequencedEntryRow, client), number > after, number <= last)
        .order_by(number)
    )


async def transfers(session: ReadSession, client: str | None, after: int, last: int) -> Exported:
    """Of the numbers above `after` up to `last`: the transfers whose first event has one."""
    number = _number(SequencedEventRow, client)
    earlier = aliased(EventRow)
    repeated = exists().where(earlier.subject == EventRow.subject, earlier.seq < EventRow.seq)
    return await session.rows(
        select(number, TransferRow)
        .join(EventRow, EventRow.seq == SequencedEventRow.event_seq)
        .join(TransferRow, TransferRow.id == EventRow.subject)
        .where(
            *_of(SequencedEventRow, client),
            number > after,
            number <= last,
            EventRow.kind == "transfer",
            ~repeated,
        )
        .order_by(number)
    )


async def deposits(session: ReadSession, client: str | None, after: int, last: int) -> Exported:
    """Of the numbers above `after` up to `last`: the deposits whose first event has one, and the
    addresses that were paid."""
    number = _number(SequencedEventRow, client)
    return await session.rows(
        select(number, DepositRow, AddressRow.address)
        .join(EventRow, EventRow.seq == SequencedEventRow.event_seq)
        .join(DepositRow, DepositRow.id == EventRow.subject)
        .join(AddressRow, AddressRow.id == DepositRow.address_id)
        .where(
            *_of(SequencedEventRow, client),
            number > after,
            number <= last,
            EventRow.kind == "deposit",
            EventRow.event == "create",
        )
        .order_by(number)
    )


async def txids(session: ReadSession, transfers: Collection[str]) -> Mapping[str, list[str]]:
    """Those of every transaction that was signed for each, oldest first."""
    found: dict[str, list[str]] = {each: [] for each in transfers}
    rows = await session.rows(
        select(TransactionTransferRow.transfer_id, TransactionRow.txid)
        .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
        .where(TransactionTransferRow.transfer_id.in_(transfers), TransactionRow.txid.is_not(None))
        .order_by(TransactionRow.id)
    )
    for transfer, txid in rows:
        if txid is not None:
            found[transfer].append(txid)
    return found


def _number(places: Places, client: str | None) -> ColumnElement[int]:
    number: Any = places.position if client is None else places.sequence
    return number  # type: ignore[no-any-return]


def _of(places: Places, client: str | None) -> list[ColumnElement[bool]]:
    return [] if client is None else [places.client_id == client]
