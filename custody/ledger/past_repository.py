"""Balances of the past, added up from entries by the database. Decides nothing.

As of a moment counts what was booked up to it. As of a block counts what the chain had done up to
and including it, by all that is known now: an entry lies in the block of its deposit, of its
foreign debit, or of the transaction that carries its transfer. Entries of no block (what a
comparison or a person moved into or out of suspense, what was paid back to a shortfall) are in
none.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import aliased

from chains.model import AssetId, NetworkId
from custody.db.session import ReadSession
from custody.db.sums import exact_sum
from custody.db.tables import DepositRow, ForeignDebitRow, LedgerAccountRow, LedgerEntryRow
from custody.db.transfer_tables import TransactionRow, TransactionTransferRow
from custody.ledger.model import Account, AccountKey, AccountKind, Kind
from custody.ledger.repository import TOGETHER, Balance, Whose, added_up

_ENTRY = LedgerEntryRow
_RESERVE = aliased(LedgerEntryRow)


async def balances_at(session: ReadSession, whose: Whose, moment: datetime) -> tuple[Balance, ...]:
    """What ends a reservation counts once both are in: clocks of two processes may differ, and
    nothing may be released that is not held yet."""
    begun = or_(_RESERVE.id.is_(None), _RESERVE.created_at <= moment)
    return await _balances(session, whose, _ENTRY.created_at <= moment, begun)


async def balances_at_block(
    session: ReadSession, whose: Whose, network: NetworkId, height: int
) -> tuple[Balance, ...]:
    """Of the network's assets. The block must be final."""
    on_network = LedgerAccountRow.asset.startswith(f"{network}/", autoescape=True)
    return await _balances(session, whose, on_network, _block_of_entry() <= height)


def _block_of_entry() -> ColumnElement[int]:
    """Null for an entry of no block. Of a transfer's transactions at most one is in a block."""
    subject = _ENTRY.subject
    deposited = select(DepositRow.block_height).where(DepositRow.id == subject)
    left = select(ForeignDebitRow.block_height).where(ForeignDebitRow.id == subject)
    carried = (
        select(func.max(TransactionRow.block_height))
        .join(TransactionTransferRow, TransactionTransferRow.transaction_id == TransactionRow.id)
        .where(TransactionTransferRow.transfer_id == subject)
    )
    return func.coalesce(
        deposited.scalar_subquery(), left.scalar_subquery(), carried.scalar_subquery()
    )


async def _balances(session: ReadSession, *conditions: ColumnElement[bool]) -> tuple[Balance, ...]:
    """One sum for each side of the entries: a few rows come from the database, however many there
    are."""
    totals: dict[tuple[str, str], list[int]] = {}
    for at, side in enumerate((_ENTRY.debit_account, _ENTRY.credit_account)):
        for asset, account, kind, moved, reserved in await session.rows(_sums(side, conditions)):
            total = totals.setdefault((asset, account), [0, 0, 0, 0])
            posted, pending = at, at + 2
            match Kind(kind):
                case Kind.RESERVE:
                    total[pending] += moved
                case Kind.POST:
                    total[posted] += moved
                case Kind.SETTLE:
                    total[posted] += moved
                    total[pending] -= reserved
                case Kind.VOID:
                    total[pending] -= reserved
    return added_up(
        Account(AccountKey(AccountKind(kind), AssetId(asset), TOGETHER), *total)
        for (asset, kind), total in totals.items()
    )


def _sums(
    side: Any, conditions: tuple[ColumnElement[bool], ...]
) -> Select[str, str, str, int, int]:
    return (
        select(
            LedgerAccountRow.asset,
            LedgerAccountRow.kind,
            _ENTRY.kind,
            exact_sum(_ENTRY.amount),
            exact_sum(_RESERVE.amount),
        )
        .join(LedgerAccountRow, LedgerAccountRow.id == side)
        .outerjoin(_RESERVE, _RESERVE.id == _ENTRY.pending_id)
        .where(*conditions)
        .group_by(LedgerAccountRow.asset, LedgerAccountRow.kind, _ENTRY.kind)
    )
