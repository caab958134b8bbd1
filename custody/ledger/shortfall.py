"""Debits that must be booked although the account can't bear them, and how they are made good.

What a chain did is booked, whatever the vault has: the missing part is lent by the vault's
`shortfall` account, which goes below zero and says what the vault owes. Every coin stays accounted
for: the vault's accounts together are what must be on the chain.
"""

from __future__ import annotations

from collections.abc import Mapping

from chains.model import AssetId
from custody.db.session import WriteSession
from custody.ledger import repository
from custody.ledger.model import (
    BOUNDED,
    Account,
    AccountKey,
    AccountKind,
    Movement,
    Post,
    Reason,
    Reserve,
    shortfall_account,
    vault_account,
)
from custody.ledger.service import Ledger


class Draft:
    """Movements in order, none of which the ledger will refuse for want of money. Pure."""

    def __init__(self, accounts: Mapping[str, Account]) -> None:
        """`accounts`: those of vaults that will be debited, by id; one that is missing has 0."""
        self._available = {account_id: each.available for account_id, each in accounts.items()}
        self.movements: list[Movement] = []

    def add(self, movement: Movement) -> int:
        """The movement's place in `movements`. What a post or reserve needs is lent first."""
        if isinstance(movement, Post | Reserve):
            debit, credit, amount = movement.debit, movement.credit, movement.amount
            if debit.kind in BOUNDED:
                self._lend(debit, amount, movement.subject)
                self._available[debit.id] -= amount
            if isinstance(movement, Post):
                self._available[credit.id] = self._available.get(credit.id, 0) + amount
        self.movements.append(movement)
        return len(self.movements) - 1

    def free(self, account: AccountKey, amount: int) -> None:
        """So much is released before these movements are made."""
        self._available[account.id] = self._available.get(account.id, 0) + amount

    def _lend(self, account: AccountKey, amount: int, subject: str) -> None:
        assert account.vault is not None
        missing = amount - self._available.setdefault(account.id, 0)
        if missing > 0:
            lender = shortfall_account(account.vault, account.asset)
            self.movements.append(Post(lender, account, missing, subject, Reason.SHORTFALL))
            self._available[account.id] += missing


async def cover(session: WriteSession, ledger: Ledger, vault: str) -> dict[AssetId, int]:
    """Pay what the vault owes out of what it has. What it still owes, by asset."""
    accounts = await repository.accounts_of_vault(session, vault)
    by_key = {account.key: account for account in accounts}
    owed: dict[AssetId, int] = {}
    movements = []
    for account in accounts:
        if account.key.kind is not AccountKind.SHORTFALL or account.posted >= 0:
            continue
        asset = account.key.asset
        source = vault_account(vault, asset)
        has = by_key[source].available if source in by_key else 0
        paid = min(has, -account.posted)
        if paid > 0:
            movements.append(Post(source, account.key, paid, vault, Reason.SHORTFALL))
        if paid < -account.posted:
            owed[asset] = -account.posted - paid
    await ledger.apply(session, movements)
    return owed
