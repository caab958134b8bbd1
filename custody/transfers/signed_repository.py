"""Queries on what was signed, for looking back at it under another policy. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from custody.db.session import ReadSession
from custody.db.tables import ApprovalRow, TransactionRow, TransferRow
from signer.wire import Verdict


async def signed(
    session: ReadSession, since: datetime | None
) -> Sequence[tuple[TransferRow, datetime]]:
    """Transfers with the times of their signatures, the newest signature first."""
    rows = (
        select(TransferRow, TransactionRow.signed_at)
        .join(TransactionRow, TransactionRow.transfer_id == TransferRow.id)
        .where(TransactionRow.signed_at.is_not(None))
        .order_by(TransactionRow.signed_at.desc())
    )
    if since is not None:
        rows = rows.where(TransactionRow.signed_at >= since)
    return [(row, at) for row, at in await session.rows(rows) if at is not None]


async def approvers(session: ReadSession, since: datetime | None) -> Sequence[tuple[str, str]]:
    """Each transfer signed since then with each person who approved it, in the order in which they
    did."""
    given = select(ApprovalRow.transfer_id, ApprovalRow.approver).where(
        ApprovalRow.verdict == Verdict.APPROVE
    )
    if since is not None:
        recent = select(TransactionRow.transfer_id).where(TransactionRow.signed_at >= since)
        given = given.where(ApprovalRow.transfer_id.in_(recent))
    return await session.rows(given.order_by(ApprovalRow.created_at))
