"""Queries on accounts and entries. Decides nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select
from sqlalchemy.orm import aliased

from chains.model import AssetId
from custody.db.chunks import CHUNK, chunks
from custody.db.session import ReadSession, WriteSession
from custody.db.sums import exact_sum
from custody.db.tables import LedgerAccountRow, LedgerEntryRow, VaultRow
from custody.ledger.model import Account, AccountKey, AccountKind, Entry, Kind

_ENTRIES = 5_000
"""Entries in memory at once."""
TOGETHER = "together"
"""In the place of the vault where accounts of several are added up."""


Whose = ColumnElement[bool]
"""Which accounts a balance is of: a condition on their rows."""


@dataclass(frozen=True, slots=True)
class Balance:
    """Base units of one asset. `available` can be spent; `reserved` is held for transfers under
    way; `pending` is held for deposits that are not final yet; `unswept` lies on addresses from
    which the vault doesn't pay; `locked` is held by the chain (rent); `owed` is what the vault
    lacks for what left it, or never came to it, beyond what it had; `suspense` is on its addresses
    without being anybody's deposit, and can't be spent; `quarantined` is held for deposits that a
    rule or a person keeps from being credited."""

    asset: AssetId
    available: int = 0
    reserved: int = 0
    pending: int = 0
    unswept: int = 0
    locked: int = 0
    owed: int = 0
    suspense: int = 0
    quarantined: int = 0


async def balances_of_vault(session: ReadSession, vault: str) -> tuple[Balance, ...]:
    """One balance per asset the vault ever held, ordered by asset."""
    return await balances(session, of_vault(vault))


async def balances_of_client(session: ReadSession, client: str) -> tuple[Balance, ...]:
    """The sums over all vaults of the client, ordered by asset."""
    return await balances(session, of_client(client))


async def balances_of_everyone(session: ReadSession) -> tuple[Balance, ...]:
    """The sums over all vaults, ordered by asset."""
    return await balances(session, of_everyone())


def of_vault(vault: str) -> Whose:
    """Those of one vault."""
    return LedgerAccountRow.vault_id == vault


def of_client(client: str) -> Whose:
    """Those of all vaults of the client."""
    mine = select(VaultRow.id).where(VaultRow.client_id == client)
    return LedgerAccountRow.vault_id.in_(mine)


def of_everyone() -> Whose:
    """Those of all vaults."""
    return LedgerAccountRow.vault_id.is_not(None)


async def accounts_of_vault(session: ReadSession, vault: str) -> list[Account]:
    rows = await session.all(_accounts().where(LedgerAccountRow.vault_id == vault))
    return [account_of(row) for row in rows]


async def accounts_of_kind(
    session: ReadSession, kind: AccountKind, vault: str | None = None
) -> list[Account]:
    """Of one vault or of all, by vault and asset."""
    mine = _accounts().where(LedgerAccountRow.kind == kind.value)
    if vault is not None:
        mine = mine.where(LedgerAccountRow.vault_id == vault)
    ordered = mine.order_by(LedgerAccountRow.vault_id, LedgerAccountRow.asset)
    return [account_of(row) for row in await session.all(ordered)]


async def all_accounts(session: ReadSession) -> dict[str, Account]:
    """Every account by its id, also the other sides, which belong to no vault."""
    rows = await session.all(select(LedgerAccountRow).order_by(LedgerAccountRow.id))
    return {row.id: account_of(row) for row in rows}


async def all_entries(session: ReadSession) -> AsyncIterator[list[tuple[Entry, int | None]]]:
    """Every entry, oldest first, with what was reserved if it ends a reservation; in parts, because
    there may be more of them than fit the memory."""
    entry, reserve = LedgerEntryRow, aliased(LedgerEntryRow)
    every = select(
        entry.id,
        entry.kind,
        entry.debit_account,
        entry.credit_account,
        entry.asset,
        entry.amount,
        entry.pending_id,
        entry.subject,
        entry.reason,
        reserve.amount.label("reserved"),
    ).outerjoin(reserve, reserve.id == entry.pending_id)
    async for chunk in session.chunks(every.order_by(entry.id), _ENTRIES):
        yield [(_entry(row), row.reserved) for row in chunk]


async def entries_of(session: ReadSession, subject: str) -> tuple[Entry, ...]:
    """All entries of a deposit or transfer, oldest first."""
    of_subject = select(LedgerEntryRow).where(LedgerEntryRow.subject == subject)
    ordered = of_subject.order_by(LedgerEntryRow.created_at, LedgerEntryRow.id)
    return tuple(_entry(row) for row in await session.all(ordered))


async def entries(session: ReadSession, ids: Collection[str]) -> list[Entry]:
    """Those of the entries that exist."""
    return [
        _entry(row)
        for chunk in chunks(ids)
        for row in await session.all(select(LedgerEntryRow).where(LedgerEntryRow.id.in_(chunk)))
    ]


async def endings(session: ReadSession, reservations: Collection[str]) -> list[Entry]:
    """The settles and voids of the reservations, as far as they exist."""
    return [
        _entry(row)
        for chunk in chunks(reservations)
        for row in await session.all(
            select(LedgerEntryRow).where(LedgerEntryRow.pending_id.in_(chunk))
        )
    ]


async def keys_of(session: ReadSession, ids: Collection[str]) -> dict[str, AccountKey]:
    """Which account each id is of."""
    return {
        row.id: account_of(row).key
        for chunk in chunks(ids)
        for row in await session.all(select(LedgerAccountRow).where(LedgerAccountRow.id.in_(chunk)))
    }


async def lock_accounts(session: WriteSession, ids: Iterable[str]) -> dict[str, Account]:
    """Those of the accounts that exist and belong to a vault, locked until the transaction ends."""
    found: dict[str, Account] = {}
    for chunk in chunks(ids):
        size = next(size for size in _SIZES if size >= len(chunk))
        named = {f"id_{at}": chunk[min(at, len(chunk) - 1)] for at in range(size)}
        rows = await session.locked_rows(_accounts_by_id(size), named)
        found |= {
            account_id: Account(AccountKey(AccountKind(kind), AssetId(asset), vault), *totals)
            for account_id, kind, asset, vault, *totals in rows
        }
    return found


_SIZES = (4, 32, CHUNK)
"""How many ids a statement asks for; the last is repeated where there are fewer."""


@cache
def _accounts_by_id(size: int) -> Select[str, str, str, str | None, int, int, int, int]:
    return (
        select(
            LedgerAccountRow.id,
            LedgerAccountRow.kind,
            LedgerAccountRow.asset,
            LedgerAccountRow.vault_id,
            LedgerAccountRow.debits_posted,
            LedgerAccountRow.credits_posted,
            LedgerAccountRow.debits_pending,
            LedgerAccountRow.credits_pending,
        )
        .where(
            LedgerAccountRow.id.in_([bindparam(f"id_{at}") for at in range(size)]),
            LedgerAccountRow.vault_id.is_not(None),
        )
        .order_by(LedgerAccountRow.id)
    )


def account_of(row: LedgerAccountRow) -> Account:
    key = AccountKey(AccountKind(row.kind), AssetId(row.asset), row.vault_id)
    return Account(
        key, row.debits_posted, row.credits_posted, row.debits_pending, row.credits_pending
    )


def _accounts() -> Select[LedgerAccountRow]:
    return select(LedgerAccountRow).where(LedgerAccountRow.vault_id.is_not(None))


def _entry(row: Any) -> Entry:
    """From a whole row, or one with the same columns."""
    return Entry(
        id=row.id,
        kind=Kind(row.kind),
        debit=row.debit_account,
        credit=row.credit_account,
        asset=AssetId(row.asset),
        amount=row.amount,
        pending_id=row.pending_id,
        subject=row.subject,
        reason=row.reason,
    )


async def balances(session: ReadSession, whose: Whose) -> tuple[Balance, ...]:
    """Of the accounts that `whose` means, one balance per asset. Added up by the database: a few
    rows come from it, however many accounts there are."""
    row = LedgerAccountRow
    totals = await session.rows(
        select(
            row.asset,
            row.kind,
            exact_sum(row.debits_posted),
            exact_sum(row.credits_posted),
            exact_sum(row.debits_pending),
            exact_sum(row.credits_pending),
        )
        .where(whose)
        .group_by(row.asset, row.kind)
    )
    return added_up(
        Account(AccountKey(AccountKind(kind), AssetId(asset), TOGETHER), *sums)
        for asset, kind, *sums in totals
    )


def added_up(accounts: Iterable[Account]) -> tuple[Balance, ...]:
    """One balance per asset, ordered by asset."""
    parts: dict[AssetId, dict[str, int]] = {}
    for account in accounts:
        balance = parts.setdefault(account.key.asset, {})
        for name, amount in _parts(account).items():
            balance[name] = balance.get(name, 0) + amount
    return tuple(Balance(asset, **found) for asset, found in sorted(parts.items()))


def _parts(account: Account) -> dict[str, int]:
    """What an account adds to a balance. All of it are differences of totals, so it does not matter
    whether accounts are added up before or after."""
    match account.key.kind:
        case AccountKind.VAULT:
            return {
                "available": account.available,
                "reserved": account.debits_pending,
                "pending": account.credits_pending,
            }
        case AccountKind.UNSWEPT:
            return {"unswept": account.posted, "pending": account.credits_pending}
        case AccountKind.LOCKED:
            return {"locked": account.posted}
        case AccountKind.SUSPENSE:
            return {"suspense": account.posted}
        case AccountKind.QUARANTINE:
            return {"quarantined": account.credits_pending}
        case AccountKind.GAS:
            return {}
        case _:
            return {"owed": -account.posted}
