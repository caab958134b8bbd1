"""Queries on transactions that take the keys of others, which somebody signed for them to submit.
Decides nothing."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import aliased

from chains.model import Excludes
from custody.db.gas_tables import GasCarrierRow
from custody.db.session import ReadSession
from custody.db.transfer_tables import ClaimHolderRow, TransactionRow
from signer.agreement import Purpose


async def carried_by(session: ReadSession, transfer_ids: Collection[str]) -> dict[str, str]:
    """By transfer that submits what somebody signed apart, the transaction that is."""
    row = GasCarrierRow
    mine = select(row.named, row.transaction_id).where(row.named.in_(transfer_ids))
    return dict([*await session.rows(mine.order_by(row.named))])


async def fixed(session: ReadSession, transaction_ids: Collection[str]) -> set[str]:
    """Those that pay and share a key with what was signed for others to submit: who signed that
    signed their bytes, and nothing that costs more does the same."""
    mine, theirs, apart = (aliased(ClaimHolderRow) for _ in range(3))
    shared = (
        select(mine.transaction_id)
        .join(theirs, theirs.key == mine.key)
        .join(apart, apart.transaction_id == theirs.transaction_id)
        .join(TransactionRow, TransactionRow.id == mine.transaction_id)
        .where(
            mine.transaction_id.in_(transaction_ids),
            theirs.transaction_id != mine.transaction_id,
            TransactionRow.purpose == Purpose.PAY,
            apart.excludes == Excludes.EFFECT.value,
        )
        .order_by(mine.transaction_id)
    )
    return set(await session.all(shared))
