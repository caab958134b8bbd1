"""Queries for auditors. Decides nothing.

What belongs to one transfer is asked for with one statement for each kind of row, however many
transactions or approvals there are.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from custody.db.feed_tables import EventRow, SequencedEntryRow
from custody.db.listing import Window, page
from custody.db.session import ReadSession
from custody.db.tables import (
    AlarmRow,
    ApiKeyRow,
    LedgerAccountRow,
    LedgerEntryRow,
    PolicyVersionRow,
    VaultFreezeRow,
)
from custody.db.transfer_tables import TransferRow

Booked = tuple[LedgerEntryRow, LedgerAccountRow, LedgerAccountRow, int | None]
"""An entry, the account that it debits and the one that it credits, and its number in the client's
feed, as long as it has none None."""


async def events_about(session: ReadSession, subjects: Collection[str]) -> Sequence[EventRow]:
    """All that happened to them, in the order in which it was written."""
    mine = select(EventRow).where(EventRow.subject.in_(subjects))
    return await session.all(mine.order_by(EventRow.seq))


async def entries_about(session: ReadSession, subject: str, client: str) -> Sequence[Booked]:
    """The ledger entries of a transfer of this client, oldest first."""
    debit, credit = aliased(LedgerAccountRow), aliased(LedgerAccountRow)
    mine = (SequencedEntryRow.entry_id == LedgerEntryRow.id) & (
        SequencedEntryRow.client_id == client
    )
    return await session.rows(
        select(LedgerEntryRow, debit, credit, SequencedEntryRow.sequence)
        .join(debit, debit.id == LedgerEntryRow.debit_account)
        .join(credit, credit.id == LedgerEntryRow.credit_account)
        .outerjoin(SequencedEntryRow, mine)
        .where(LedgerEntryRow.subject == subject)
        .order_by(LedgerEntryRow.created_at, LedgerEntryRow.id)
    )


async def policies_between(
    session: ReadSession, first: datetime, last: datetime
) -> Sequence[PolicyVersionRow]:
    """Those that were in force at some moment from `first` to `last`, the oldest first. If none was
    yet known at `first`, from the first one on."""
    began = select(func.max(PolicyVersionRow.in_force_at)).where(
        PolicyVersionRow.in_force_at <= first
    )
    since = await session.first(began)
    wanted = select(PolicyVersionRow).where(PolicyVersionRow.in_force_at <= last)
    if since is not None:
        wanted = wanted.where(PolicyVersionRow.in_force_at >= since)
    return await session.all(
        wanted.order_by(PolicyVersionRow.in_force_at, PolicyVersionRow.version)
    )


async def policies_until(session: ReadSession, last: datetime) -> Sequence[PolicyVersionRow]:
    """All that were in force at some moment up to `last`, by version: the newest of each."""
    mine = select(PolicyVersionRow).where(PolicyVersionRow.in_force_at <= last)
    rows = await session.all(mine.order_by(PolicyVersionRow.in_force_at, PolicyVersionRow.digest))
    return sorted({row.version: row for row in rows}.values(), key=lambda row: row.version)


async def policy(session: ReadSession, digest: bytes) -> PolicyVersionRow | None:
    return await session.get(PolicyVersionRow, digest)


async def policies_after(
    session: ReadSession, start: str | None, limit: int
) -> Sequence[PolicyVersionRow]:
    """One page by version; `start`: hex digits, of an even number, with which the digest of the
    last one of the page before begins. Nothing follows on one that is not there."""
    page = select(PolicyVersionRow)
    if start is not None:
        begins = bytes.fromhex(start)
        last = await session.first(
            select(PolicyVersionRow).where(
                PolicyVersionRow.digest >= begins,
                PolicyVersionRow.digest <= begins.ljust(sha256().digest_size, b"\xff"),
            )
        )
        if last is None:
            return []
        place = tuple_(PolicyVersionRow.version, PolicyVersionRow.digest)
        page = page.where(place > (last.version, last.digest))
    ordered = page.order_by(PolicyVersionRow.version, PolicyVersionRow.digest)
    return await session.all(ordered.limit(limit))


async def keys_of(session: ReadSession, client: str | None, window: Window) -> Sequence[ApiKeyRow]:
    """One page in the order in which they were made, revoked ones included; `client`: only those
    that are bound to it."""
    statement = select(ApiKeyRow)
    if client is not None:
        statement = statement.where(ApiKeyRow.client_id == client)
    return await session.all(page(statement, ApiKeyRow, window))


async def alarms_touching(
    session: ReadSession,
    transfer: TransferRow,
    last: datetime,
    limit: int,
    *,
    whole: bool,
) -> Sequence[AlarmRow]:
    """The newest of those about the transfer's vault, and with `whole` about its network, that were
    open between the request and `last`, or that name it whenever they were. The oldest first."""
    about: ColumnElement[bool] = AlarmRow.vault_id == transfer.vault_id
    if whole:
        of_all = and_(AlarmRow.vault_id.is_(None), AlarmRow.network == transfer.network)
        about = or_(about, of_all)
    first = transfer.requested_at
    open_then = and_(
        AlarmRow.created_at <= last,
        or_(AlarmRow.cleared_at.is_(None), AlarmRow.cleared_at >= first),
    )
    named = AlarmRow.message.contains(transfer.id, autoescape=True)
    newest = select(AlarmRow).where(about, or_(open_then, named)).order_by(AlarmRow.id.desc())
    return (await session.all(newest.limit(limit)))[::-1]


async def freezes_touching(
    session: ReadSession, transfer: TransferRow, last: datetime, limit: int
) -> Sequence[VaultFreezeRow]:
    """The newest of its vault's that stood between the request and `last`, the oldest first."""
    first = transfer.requested_at
    newest = select(VaultFreezeRow).where(
        VaultFreezeRow.vault_id == transfer.vault_id,
        VaultFreezeRow.created_at <= last,
        or_(VaultFreezeRow.ended_at.is_(None), VaultFreezeRow.ended_at >= first),
    )
    rows = await session.all(newest.order_by(VaultFreezeRow.id.desc()).limit(limit))
    return rows[::-1]
