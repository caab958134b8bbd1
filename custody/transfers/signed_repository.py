"""Queries on what was signed, for looking back at it under another policy. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, select

from custody.db.session import ReadSession
from custody.db.transfer_tables import (
    ApprovalRow,
    MandateRow,
    TransactionRow,
    TransactionTransferRow,
)
from signer.wire import Verdict

_UNDER = and_(
    TransactionTransferRow.transfer_id == MandateRow.transfer_id,
    TransactionTransferRow.mandate_version == MandateRow.version,
)


async def signed(
    session: ReadSession, since: datetime | None
) -> Sequence[tuple[MandateRow, datetime]]:
    """Mandates with the times of the signatures for them, the newest signature first."""
    rows = (
        select(MandateRow, TransactionRow.signed_at)
        .join(TransactionTransferRow, _UNDER)
        .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
        .where(TransactionRow.signed_at.is_not(None))
        .order_by(TransactionRow.signed_at.desc())
    )
    if since is not None:
        rows = rows.where(TransactionRow.signed_at >= since)
    return [(row, at) for row, at in await session.rows(rows) if at is not None]


async def approvers(session: ReadSession, since: datetime | None) -> Sequence[tuple[bytes, str]]:
    """Each mandate that was signed for since then, by digest, with each person who approved it, in
    the order in which they did."""
    given = select(ApprovalRow.mandate_digest, ApprovalRow.approver).where(
        ApprovalRow.verdict == Verdict.APPROVE
    )
    if since is not None:
        recent = (
            select(MandateRow.digest)
            .join(TransactionTransferRow, _UNDER)
            .join(TransactionRow, TransactionRow.id == TransactionTransferRow.transaction_id)
            .where(TransactionRow.signed_at >= since)
        )
        given = given.where(ApprovalRow.mandate_digest.in_(recent))
    return await session.rows(given.order_by(ApprovalRow.created_at))
