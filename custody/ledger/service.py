"""Writes movements to the books, inside the caller's transaction.

    ledger = Ledger(clock)
    held, fee = await ledger.reserve(session, Reserve(...), Reserve(...))
    await ledger.settle(session, held, amount)

The rules are in `model`. This module loads what they need and stores what they decide. It locks
rows in one query and in a stable order. Hand over all movements of a transaction in one call: two
calls may lock in an order that crosses another transaction's, and then PostgreSQL ends one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from chains.model import AssetId
from custody.db.ids import new_id
from custody.db.session import WriteSession
from custody.db.tables import LedgerAccountRow, LedgerEntryRow
from custody.errors import Conflict, CustodyError, Unprocessable
from custody.ledger import repository
from custody.ledger.model import (
    OWNED,
    Account,
    AccountKey,
    Books,
    Movement,
    Post,
    Reserve,
    Settle,
    Void,
    chain_account,
    fees_account,
)
from custody.ledger.result import Result, is_done

_SEEN_MAX = 100_000


class Ledger:
    """Remembers which accounts exist. That saves a statement, and may be wrong without harm."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._seen: set[str] = set()

    async def reserve(self, session: WriteSession, *movements: Reserve) -> tuple[str, ...]:
        """Hold amounts; all or nothing. Returns the reservations' ids in order.

        Raises Unprocessable(amount_above_balance), which names the asset.
        """
        return await self.apply(session, movements)

    async def post(self, session: WriteSession, *movements: Post) -> tuple[str, ...]:
        """Move amounts at once. Raises Unprocessable(amount_above_balance)."""
        return await self.apply(session, movements)

    async def settle(self, session: WriteSession, reservation: str, amount: int) -> None:
        """Move `amount` (0 or more) of what is held and release the rest.

        Raises Conflict(pending_already_settled, pending_already_voided, amount_above_reserved, …).
        """
        await self.apply(session, [settle_or_void(reservation, amount)])

    async def void(self, session: WriteSession, *reservations: str) -> None:
        """Release what is held. Raises Conflict as `settle` does."""
        await self.apply(session, [Void(reservation) for reservation in reservations])

    async def apply(
        self,
        session: WriteSession,
        movements: Sequence[Movement],
        ids: Sequence[str] | None = None,
    ) -> tuple[str, ...]:
        """Make all movements, in order; returns their entries' ids.

        With `ids`, given by the caller, a repetition is recognised and changes nothing. Raises
        Unprocessable(amount_above_balance), or Conflict with the code of the model's Result.
        """
        entry_ids = [new_id("ent") for _ in movements] if ids is None else list(ids)
        assert len(entry_ids) == len(movements)
        if not movements:
            return ()
        books = Books()
        ended = [move.pending_id for move in movements if isinstance(move, Settle | Void)]
        books.remember(await repository.entries(session, [*ended, *(ids or ())]))
        await self._lock_accounts(session, books, movements)
        books.remember(await repository.endings(session, ended))

        known = set(books.entries)
        before = dict(books.accounts)
        for entry_id, movement in zip(entry_ids, movements, strict=True):
            result = books.apply(entry_id, movement)
            if not is_done(result):
                raise _refusal(result, books, movement)
        await self._store(session, books, known, before)
        return tuple(entry_ids)

    async def _lock_accounts(
        self, session: WriteSession, books: Books, movements: Sequence[Movement]
    ) -> None:
        """Load the vaults' accounts that `movements` touch, creating those that are missing.

        The other sides (`chain`, `fees`) are neither loaded nor locked. They have no limit, and
        with a lock every transfer of an asset would wait for the one before it.
        """
        keys: dict[str, AccountKey] = {}
        wanted: set[str] = set()
        assets: set[AssetId] = set()
        for movement in movements:
            if isinstance(movement, Reserve | Post):
                keys |= {key.id: key for key in (movement.debit, movement.credit)}
            elif (pending := books.entries.get(movement.pending_id)) is not None:
                wanted |= {pending.debit, pending.credit}
                assets.add(pending.asset)
        assets |= {key.asset for key in keys.values()}
        wanted |= keys.keys()
        books.open(*map(chain_account, assets), *map(fees_account, assets))
        owned = {i for i, key in keys.items() if key.kind in OWNED}
        # An account of a vault that is there has the other sides of its asset beside it.
        beside = {keys[i].asset for i in owned}
        new = owned - self._seen
        await self._open(
            session, [key for i, key in keys.items() if i in new or key.asset not in beside]
        )
        found = await repository.lock_accounts(session, wanted)
        missing = [keys[i] for i in owned if i not in found]
        if missing:
            await self._open(session, missing)
            found = await repository.lock_accounts(session, wanted)
        books.accounts |= found
        if len(self._seen) > _SEEN_MAX:
            self._seen.clear()
        self._seen |= owned

    async def _open(self, session: WriteSession, keys: Sequence[AccountKey]) -> None:
        """Each account comes with the other sides of its asset."""
        opened = {
            key.id: key
            for wanted in keys
            for key in (wanted, chain_account(wanted.asset), fees_account(wanted.asset))
        }
        rows = [_account_row(Account(opened[i])) for i in sorted(opened)]
        await session.insert_missing(LedgerAccountRow, rows)

    async def _store(
        self, session: WriteSession, books: Books, known: set[str], before: dict[str, Account]
    ) -> None:
        now = self._clock()
        await session.insert(
            LedgerEntryRow,
            [
                {
                    "id": entry.id,
                    "kind": entry.kind.value,
                    "debit_account": entry.debit,
                    "credit_account": entry.credit,
                    "asset": entry.asset,
                    "amount": entry.amount,
                    "pending_id": entry.pending_id,
                    "subject": entry.subject,
                    "reason": entry.reason,
                    "created_at": now,
                }
                for entry in books.entries.values()
                if entry.id not in known
            ],
        )
        changed = [
            account
            for account_id, account in books.accounts.items()
            if account.key.kind in OWNED and account != before[account_id]
        ]
        await session.update_each(LedgerAccountRow, ["id"], [_totals(each) for each in changed])


def settle_or_void(reservation: str, amount: int) -> Settle | Void:
    """Settling with nothing is a void: an entry of zero would say nothing."""
    return Settle(reservation, amount) if amount else Void(reservation)


def _refusal(result: Result, books: Books, movement: Movement) -> CustodyError:
    if result is Result.AMOUNT_ABOVE_BALANCE:
        assert isinstance(movement, Reserve | Post)
        short, has = movement.debit.asset, books.accounts[movement.debit.id].available
        words = f"The vault's available balance is too small: {has} base units of {short}."
        return Unprocessable(result.code, words, named={"asset": short})
    return Conflict(result.code, f"The ledger refused the movement: {result.code}.")


def _totals(account: Account) -> dict[str, Any]:
    return {
        "id": account.key.id,
        "debits_posted": account.debits_posted,
        "credits_posted": account.credits_posted,
        "debits_pending": account.debits_pending,
        "credits_pending": account.credits_pending,
    }


def _account_row(account: Account) -> dict[str, Any]:
    key = account.key
    return _totals(account) | {"vault_id": key.vault, "asset": key.asset, "kind": key.kind.value}
