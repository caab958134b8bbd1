"""Queries for evidence of controls. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from chains.model import Excludes
from custody.db.reconcile_tables import ReconciliationLineRow, ReconciliationRow
from custody.db.session import ReadSession
from custody.db.tables import LedgerAccountRow, VaultRow
from custody.db.transfer_tables import (
    ClaimHolderRow,
    TransactionRow,
    TransactionTransferRow,
    TransferRow,
)
from custody.reconcile.report import Verdict
from custody.transactions.state import OPEN


async def stood(
    session: ReadSession, row: Any, ended: str | None, first: datetime, before: datetime
) -> Sequence[Any]:
    """Rows that began before the period's end and, if they have an end (`ended`: its column), had
    not ended before it began; if not, that are of the period. By id."""
    within = row.created_at >= first
    if ended is not None:
        end = getattr(row, ended)
        within = or_(end.is_(None), end >= first)
    return await session.all(select(row).where(row.created_at < before, within).order_by(row.id))


async def reports(session: ReadSession, before: datetime) -> Sequence[ReconciliationRow]:
    """All that were made before then, in order."""
    row = ReconciliationRow
    made = select(row).where(row.ended_at < before)
    return await session.all(made.order_by(row.ended_at, row.serial))


async def unequal(session: ReadSession) -> Sequence[ReconciliationLineRow]:
    row = ReconciliationLineRow
    return await session.all(select(row).where(row.verdict != Verdict.EQUAL.value))


async def assets(session: ReadSession) -> Sequence[str]:
    """Those with accounts."""
    return await session.all(select(LedgerAccountRow.asset).distinct())


async def vaults(session: ReadSession) -> Sequence[tuple[str, str]]:
    """Each with its client, by id."""
    rows = select(VaultRow.id, VaultRow.client_id).order_by(VaultRow.id)
    return [(vault, client) for vault, client in await session.rows(rows)]


async def apart(session: ReadSession) -> Sequence[Any]:
    """(transfer, address that signed) of payments that anybody may submit; no block has them."""
    carries, holds = TransactionTransferRow, ClaimHolderRow
    return await session.rows(
        select(TransferRow, TransactionRow.source)
        .join(carries, carries.transfer_id == TransferRow.id)
        .join(TransactionRow, TransactionRow.id == carries.transaction_id)
        .where(
            TransactionRow.raw.is_not(None),
            TransactionRow.state.in_([each.value for each in OPEN]),
            TransactionRow.id.in_(
                select(holds.transaction_id).where(holds.excludes == Excludes.EFFECT.value)
            ),
        )
        .order_by(TransferRow.id)
    )
