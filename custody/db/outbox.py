"""Hands due effects to workers: each row to one of them, for as long as its lease lasts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from custody.db.session import WriteSession
from custody.db.tables import OutboxRow


async def claim_due(
    session: WriteSession,
    now: datetime,
    lease: timedelta,
    limit: int,
    *,
    networks: Collection[str] | None = None,
    kinds: Collection[str] | None = None,
) -> Sequence[OutboxRow]:
    """Up to `limit` rows that are due and not leased to anyone, oldest first, now leased to the
    caller until `now + lease` and with one more attempt counted.

    On PostgreSQL rows that another worker is claiming at this moment are skipped, not waited for.
    """
    due = select(OutboxRow.seq).where(
        OutboxRow.due_at <= now,
        or_(OutboxRow.claimed_until.is_(None), OutboxRow.claimed_until <= now),
    )
    if networks is not None:
        due = due.where(OutboxRow.network.in_(networks))
    if kinds is not None:
        due = due.where(OutboxRow.kind.in_(kinds))
    oldest = due.order_by(OutboxRow.due_at, OutboxRow.seq).limit(limit)
    # A common table expression, because PostgreSQL may run a plain subquery again for each row, and
    # then the limit and the locks mean nothing.
    chosen = oldest.with_for_update(skip_locked=True).cte("chosen")
    claimed = await session.returning(
        update(OutboxRow)
        .where(OutboxRow.seq.in_(select(chosen.c.seq)))
        .values(claimed_until=now + lease, attempts=OutboxRow.attempts + 1)
        .returning(OutboxRow)
        .execution_options(synchronize_session=False)
    )
    return sorted(claimed, key=lambda row: (row.due_at, row.seq))
