"""Queries for a package of a period: what has a number between two instants. Decides nothing.

A cut is a number: all that has a greater one belongs to what comes after. It lies before the first
row that is not earlier than the instant; so the end of one period is the beginning of the next, and
clocks of several processes make no gap.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from custody.db.chunks import all_in, chunks
from custody.db.feed_tables import (
    EventRow,
    LedgerHeadRow,
    SequencedEntryRow,
    SequencedEventRow,
    UnsequencedRow,
)
from custody.db.session import ReadSession
from custody.db.sums import exact_sum
from custody.db.tables import LedgerAccountRow, LedgerEntryRow, VaultRow
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow, TransferRow
from custody.feeds.repository import Places
from custody.ledger.chain import Head
from custody.ledger.model import AccountKind, Kind

_OUTSIDE = (AccountKind.CHAIN, AccountKind.FEES, AccountKind.GAS)
"""Nothing of theirs is on an address of ours."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Numbers above `after` up to `last` are of the period."""

    after: int
    last: int


async def waiting(session: ReadSession, before: datetime) -> bool:
    """Whether something that is older than that has no number yet."""
    row = UnsequencedRow
    entries = select(row.seq).join(LedgerEntryRow, LedgerEntryRow.id == row.entry_id)
    events = select(row.seq).join(EventRow, EventRow.seq == row.event_seq)
    for statement, at in ((entries, LedgerEntryRow.created_at), (events, EventRow.created_at)):
        if await session.first(statement.where(at < before).limit(1)) is not None:
            return True
    return False


async def cut(session: ReadSession, places: Places, first: datetime, before: datetime) -> Cut:
    newest = await session.one(select(func.coalesce(func.max(places.position), 0)))

    async def begins(moment: datetime) -> int:
        first = select(func.coalesce(func.min(places.position), newest + 1))
        if places is SequencedEntryRow:
            late = first.join(LedgerEntryRow, LedgerEntryRow.id == SequencedEntryRow.entry_id)
            return await session.one(late.where(LedgerEntryRow.created_at >= moment)) - 1
        late = first.join(EventRow, EventRow.seq == SequencedEventRow.event_seq)
        return await session.one(late.where(EventRow.created_at >= moment)) - 1

    return Cut(await begins(first), await begins(before))


async def head_below(session: ReadSession, position: int) -> Head:
    """The newest that is kept at or below the position."""
    row = LedgerHeadRow
    kept = select(row.position, row.digest).where(row.position <= position)
    rows = await session.rows(kept.order_by(row.position.desc()).limit(1))
    return Head(*rows[0]) if rows else Head()


async def accounts(session: ReadSession, ids: Collection[str]) -> Mapping[str, LedgerAccountRow]:
    row = LedgerAccountRow
    found = await all_in(session, ids, lambda chunk: select(row).where(row.id.in_(chunk)))
    return {each.id: each for each in found}


async def posted(session: ReadSession, through: int) -> Mapping[tuple[str, str], int]:
    """By client and asset, what lies on addresses of the client's vaults by all entries up to the
    number: below zero if more left than there was."""
    totals: dict[tuple[str, str], int] = {}
    for side, sign in ((LedgerEntryRow.debit_account, -1), (LedgerEntryRow.credit_account, 1)):
        rows = await session.rows(
            select(VaultRow.client_id, LedgerAccountRow.asset, exact_sum(LedgerEntryRow.amount))
            .join(SequencedEntryRow, SequencedEntryRow.entry_id == LedgerEntryRow.id)
            .join(LedgerAccountRow, LedgerAccountRow.id == side)
            .join(VaultRow, VaultRow.id == LedgerAccountRow.vault_id)
            .where(
                SequencedEntryRow.position <= through,
                SequencedEntryRow.client_id == VaultRow.client_id,
                LedgerEntryRow.kind.in_((Kind.POST.value, Kind.SETTLE.value)),
                LedgerAccountRow.kind.not_in([each.value for each in _OUTSIDE]),
            )
            .group_by(VaultRow.client_id, LedgerAccountRow.asset)
        )
        for client, asset, units in rows:
            totals[client, asset] = totals.get((client, asset), 0) + sign * units
    return totals


async def events(session: ReadSession, after: int, last: int) -> Sequence[Any]:
    """(position, client, event) in order."""
    place = SequencedEventRow
    return await session.rows(
        select(place.position, place.client_id, EventRow)
        .join(EventRow, EventRow.seq == place.event_seq)
        .where(place.position > after, place.position <= last)
        .order_by(place.position)
    )


async def numbered(session: ReadSession, transfers: Collection[str]) -> Sequence[Any]:
    """(number, transfer) of each that has one: the position of its first event. In order."""
    found: list[Any] = []
    for chunk in chunks(transfers):
        first = (
            select(EventRow.subject, func.min(SequencedEventRow.position).label("number"))
            .join(SequencedEventRow, SequencedEventRow.event_seq == EventRow.seq)
            .where(EventRow.subject.in_(chunk))
            .group_by(EventRow.subject)
            .subquery()
        )
        found += await session.rows(
            select(first.c.number, TransferRow).join(first, first.c.subject == TransferRow.id)
        )
    return sorted(found, key=lambda row: row[0])


async def signed_for(
    session: ReadSession, transfers: Collection[str]
) -> Sequence[tuple[TransactionRow, list[str]]]:
    """Transactions of these that the signer signed, each with all transfers that it carries."""
    carries = TransactionTransferRow
    mine = await all_in(
        session,
        transfers,
        lambda chunk: select(carries.transaction_id).where(carries.transfer_id.in_(chunk)),
    )
    rows = await all_in(
        session,
        mine,
        lambda chunk: select(TransactionRow).where(
            TransactionRow.id.in_(chunk), TransactionRow.receipt.is_not(None)
        ),
    )
    carried: dict[str, list[str]] = {row.id: [] for row in rows}
    for each in await all_in(
        session, carried, lambda chunk: select(carries).where(carries.transaction_id.in_(chunk))
    ):
        carried[each.transaction_id].append(each.transfer_id)
    return [(row, sorted(carried[row.id])) for row in sorted(rows, key=lambda row: row.id)]


async def newest_signed(session: ReadSession, before: datetime) -> int:
    """The newest record of the signer's that custody has a receipt for, of before then. 0: none."""
    row = TransactionRow
    newest = await session.one(select(func.max(row.receipt_sequence)).where(row.signed_at < before))
    return newest or 0
