"""The outbox: effects that were committed as rows, claimed by whichever worker comes first.

A claim is a lease. A worker that dies loses it and another one runs the effect again, so every
effect must be safe to run twice; a row is removed only by the worker whose lease still stands.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, or_, select, update

from chains.model import NetworkId
from custody.db.session import Database
from custody.db.tables import OutboxRow
from custody.transfers.state import Work

LEASE = timedelta(seconds=120)
"""Longer than a batch takes, also when a node answers slowly."""
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 15.0


@dataclass(frozen=True, slots=True)
class Item:
    """One claimed effect. `attempts` counts this one too."""

    seq: int
    work: Work
    subject: str
    attempts: int
    claimed_until: datetime


class Outbox:
    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        delay_share: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._clock = clock
        self._delay_share = delay_share

    async def claim(self, network: NetworkId, limit: int) -> list[Item]:
        """Up to `limit` due effects of a network, oldest first, ours until the lease ends. Skips
        what other workers are claiming right now."""
        now = self._clock()
        until = now + LEASE
        free = (
            select(OutboxRow.seq)
            .where(
                OutboxRow.network == network,
                OutboxRow.due_at <= now,
                or_(OutboxRow.claimed_until.is_(None), OutboxRow.claimed_until <= now),
            )
            .order_by(OutboxRow.seq)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._database.write() as session:
            rows = await session.returning(
                update(OutboxRow)
                .where(OutboxRow.seq.in_(free.scalar_subquery()))
                .values(claimed_until=until, attempts=OutboxRow.attempts + 1)
                .returning(OutboxRow)
            )
        items = [Item(r.seq, Work(r.kind), r.subject, r.attempts, until) for r in rows]
        return sorted(items, key=lambda item: item.seq)

    async def delay_s(self, network: NetworkId, longest_delay: float) -> float:
        """Seconds until the next effect is due or its lease ends, at most `longest_delay`."""
        due = case(
            (OutboxRow.claimed_until > OutboxRow.due_at, OutboxRow.claimed_until),
            else_=OutboxRow.due_at,
        )
        async with self._database.read() as session:
            first = await session.first(
                select(due).where(OutboxRow.network == network).order_by(due).limit(1)
            )
        if first is None:
            return longest_delay
        wait: float = (first - self._clock()).total_seconds()
        return max(0.0, min(longest_delay, wait))

    async def finish(self, items: Collection[Item]) -> None:
        """They have been run and need not be run again."""
        if items:
            async with self._database.write() as session:
                for item in items:
                    await session.execute(
                        delete(OutboxRow).where(
                            OutboxRow.seq == item.seq,
                            OutboxRow.claimed_until == item.claimed_until,
                        )
                    )

    async def retry(self, items: Sequence[tuple[Item, str, datetime | None]]) -> None:
        """Run them again: each with the code of what it waits for and, if known, from when on;
        otherwise after a delay that grows with the attempts."""
        if items:
            now = self._clock()
            async with self._database.write() as session:
                for item, code, at in items:
                    due = max(now, at) if at is not None else now + self._delay(item.attempts)
                    await session.execute(
                        update(OutboxRow)
                        .where(
                            OutboxRow.seq == item.seq,
                            OutboxRow.claimed_until == item.claimed_until,
                        )
                        .values(due_at=due, claimed_until=None, last_error=code)
                    )

    def _delay(self, attempts: int) -> timedelta:
        """Doubling, up to a limit, and spread so that what failed together does not come back
        together."""
        longest = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(attempts - 1, 16))
        return timedelta(seconds=longest * (0.5 + 0.5 * self._delay_share()))
