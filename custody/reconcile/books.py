"""Adds up every entry of the ledger and compares with what is stored beside it.

The entries are the truth; the accounts' totals are a cache of them. Knows no chain.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from custody.db.session import ReadSession
from custody.ledger import repository as ledger
from custody.ledger.model import OWNED, Account, Fault, Kind, find_faults


async def check_books(session: ReadSession) -> tuple[list[Fault], int]:
    """The faults, and the number of entries added up. One snapshot, one pass."""
    stored = await ledger.all_accounts(session)
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
    count = 0
    faults = []
    async for chunk in ledger.all_entries(session):
        count += len(chunk)
        for entry, reserved in chunk:
            debit, credit = derived[entry.debit], derived[entry.credit]
            if not entry.asset == debit.key.asset == credit.key.asset:
                faults.append(Fault(debit.key.vault, debit.key.asset, f"{entry.id} mixes assets"))
            if reserved is not None and entry.amount > reserved:
                message = f"{entry.id} moves more than was reserved"
                faults.append(Fault(debit.key.vault, debit.key.asset, message))
            held, moved = _effect(entry.kind, entry.amount, reserved or 0)
            derived[entry.debit] = replace(
                debit,
                debits_pending=debit.debits_pending + held,
                debits_posted=debit.debits_posted + moved,
            )
            derived[entry.credit] = replace(
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
