"""Adds up every entry of the ledger and compares with what is stored beside it.

The entries are the truth; the accounts' totals are a cache of them. Knows no chain.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from sqlalchemy import select
from sqlalchemy.orm import aliased

from custody.db.session import ReadSession
from custody.db.tables import LedgerAccountRow, LedgerEntryRow
from custody.ledger.model import OWNED, Account, Fault, Kind, find_faults
from custody.ledger.repository import account_of

_CHUNK = 5_000


async def check_books(session: ReadSession) -> tuple[list[Fault], int]:
    """The faults, and the number of entries added up. One snapshot, one pass."""
    rows = await session.all(select(LedgerAccountRow).order_by(LedgerAccountRow.id))
    stored = {row.id: account_of(row) for row in rows}
    derived, count, faults = await _add_up(session, stored)
    faults += find_faults(derived.values())
    for account_id, account in stored.items():
        # The other sides (chain, fees) keep no totals.
        if account.key.kind in OWNED and account != derived[account_id]:
            message = f"{account.key.kind} account's totals are not the sums of its entries"
            faults.append(Fault(account.key.vault, account.key.asset, message))
    return faults, count


async def _add_up(
    session: ReadSession, accounts: dict[str, Account]
) -> tuple[dict[str, Account], int, list[Fault]]:
    """The accounts with totals made of entries alone."""
    derived = {account_id: Account(account.key) for account_id, account in accounts.items()}
    entry, reserve = LedgerEntryRow, aliased(LedgerEntryRow)
    statement = select(
        entry.id,
        entry.kind,
        entry.debit_account,
        entry.credit_account,
        entry.asset,
        entry.amount,
        reserve.amount.label("reserved"),
    ).outerjoin(reserve, reserve.id == entry.pending_id)
    count = 0
    faults = []
    async for chunk in session.chunks(statement.order_by(entry.id), _CHUNK):
        count += len(chunk)
        for row in chunk:
            reserved = row.reserved
            debit, credit = derived[row.debit_account], derived[row.credit_account]
            if not row.asset == debit.key.asset == credit.key.asset:
                faults.append(Fault(debit.key.vault, debit.key.asset, f"{row.id} mixes assets"))
            if reserved is not None and row.amount > reserved:
                message = f"{row.id} moves more than was reserved"
                faults.append(Fault(debit.key.vault, debit.key.asset, message))
            held, moved = _effect(Kind(row.kind), row.amount, reserved or 0)
            derived[row.debit_account] = replace(
                debit,
                debits_pending=debit.debits_pending + held,
                debits_posted=debit.debits_posted + moved,
            )
            derived[row.credit_account] = replace(
                credit,
                credits_pending=credit.credits_pending + held,
                credits_posted=credit.credits_posted + moved,
            )
    return derived, count, faults


def _effect(kind: Kind, amount: int, reserved: int) -> tuple[int, int]:
    """By how much an entry changes what is held and what is posted, on both sides."""
    match kind:
        case Kind.RESERVE:
            return amount, 0
        case Kind.SETTLE:
            return -reserved, amount
        case Kind.VOID:
            return -reserved, 0
        case Kind.POST:
            return 0, amount
        case unexpected:
            assert_never(unexpected)
