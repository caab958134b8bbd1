"""Adds up every entry of the ledger and compares with what is stored beside it.

The entries are the truth; the accounts' totals are a cache of them. Knows no chain.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import aliased

from chains.model import AssetId
from custody.db.session import ReadSession
from custody.db.tables import LedgerAccountRow, LedgerEntryRow
from custody.ledger.model import BOUNDED, Account, Kind
from custody.ledger.repository import account_of
from custody.reconcile.report import Fault

_CHUNK = 5_000


async def check_books(session: ReadSession) -> tuple[list[Fault], int]:
    """The faults, and the number of entries added up. One snapshot, one pass."""
    stored = await _stored_accounts(session)
    derived, entries = await _derive(session, stored)
    faults = [
        fault
        for account_id, account in stored.items()
        for fault in _compare(account, derived[account_id])
    ]
    return faults + _imbalances(derived.values()), entries


async def _stored_accounts(session: ReadSession) -> dict[str, Account]:
    rows = await session.all(select(LedgerAccountRow).order_by(LedgerAccountRow.id))
    return {row.id: account_of(row) for row in rows}


async def _derive(
    session: ReadSession, accounts: dict[str, Account]
) -> tuple[dict[str, Account], int]:
    """The accounts with totals made of entries alone."""
    derived = {account_id: Account(account.key) for account_id, account in accounts.items()}
    pending = aliased(LedgerEntryRow)
    entry = LedgerEntryRow
    statement = (
        select(
            entry.kind, entry.debit_account, entry.credit_account, entry.amount, pending.amount
        )
        .outerjoin(pending, pending.id == entry.pending_id)
        .order_by(entry.id)
    )
    count = 0
    async for chunk in session.chunks(statement, _CHUNK):
        count += len(chunk)
        for kind, debit, credit, amount, reserved in chunk:
            held, moved = _effect(Kind(kind), amount, reserved)
            taken, given = derived[debit], derived[credit]
            derived[debit] = replace(
                taken,
                debits_pending=taken.debits_pending + held,
                debits_posted=taken.debits_posted + moved,
            )
            derived[credit] = replace(
                given,
                credits_pending=given.credits_pending + held,
                credits_posted=given.credits_posted + moved,
            )
    return derived, count
