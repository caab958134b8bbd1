"""The outbox: effects that were committed as rows, claimed by whichever worker comes first.

A claim lasts seconds and is renewed while the work runs, so the work of a worker that dies is done
by another at once. It may have been done already; so every effect must be safe to run twice, and a
row is removed only by the worker whose claim still stands.

Work that was never tried goes first: what has to wait anyway must not make what need not wait.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, case, delete, literal, not_, select, update
from sqlalchemy.exc import SQLAlchemyError

from chains.model import NetworkId
from custody.db.clock import database_now, stands
from custody.db.session import Database, ReadSession, WriteSession
from custody.db.tables import OutboxRow
from custody.db.types import UtcTime
from custody.transfers.state import Work

CLAIM = timedelta(seconds=3)
"""How long the work of a worker that dies lies still."""
RENEWALS = 3
"""How often a claim is renewed in its time."""
RETRIES_SHARE = 4
"""One in so many effects of a claim, at most, was tried before: new ones don't wait for more, and
these don't wait for ever."""
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 15.0
WAIT_MAX = timedelta(minutes=1)
"""However late it is due: that was judged by another clock, and looking again costs little."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Item:
    """One claimed effect. `attempts` counts this one too."""

    seq: int
    work: Work
    subject: str
    attempts: int
    claim: str


class Outbox:
    """`now`: the clock that all workers share."""

    def __init__(
        self,
        database: Database,
        delay_share: Callable[[], float] = random.random,
        *,
        now: Callable[[ReadSession], Awaitable[datetime]] = database_now,
    ) -> None:
        self._database = database
        self._delay_share = delay_share
        self._now = now

    async def claim(self, network: NetworkId, limit: int) -> list[Item]:
        """Up to `limit` effects of a network that nothing holds back: new ones first, then a few
        of those that were tried before. Ours for as long as they are `kept`. Skips what other
        workers are claiming right now."""
        claim = secrets.token_hex(16)
        async with self._database.write() as session:
            now = await self._now(session)
            free = (OutboxRow.network == network) & not_(_is_held(now))
            tried, new = free & (OutboxRow.attempts > 0), free & (OutboxRow.attempts == 0)
            again = await _take(session, tried, limit // RETRIES_SHARE, claim, now)
            first = await _take(session, new, limit - len(again), claim, now)
        rows = [*first, *again]
        return [Item(r.seq, Work(r.kind), r.subject, r.attempts, claim) for r in rows]

    @asynccontextmanager
    async def kept(self, items: Collection[Item]) -> AsyncIterator[None]:
        """Renews the claim while the block runs."""
        renewing = asyncio.create_task(self._renew_for_ever(items))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _renew_for_ever(self, items: Collection[Item]) -> None:
        while True:
            await asyncio.sleep(CLAIM.total_seconds() / RENEWALS)
            try:
                await self.renew(items)
            except SQLAlchemyError as error:
                log.warning("claims_not_renewed", error=type(error).__name__)

    async def renew(self, items: Collection[Item]) -> None:
        """What is still ours is ours for another while."""
        async with self._database.write_short() as session:
            now = await self._now(session)
            await session.execute(
                update(OutboxRow)
                .where(
                    OutboxRow.seq.in_([item.seq for item in items]),
                    OutboxRow.claim.in_({item.claim for item in items}),
                )
                .values(held_since=now, held_until=now + CLAIM)
            )

    async def delay_s(self, network: NetworkId, longest_delay: float) -> float:
        """Seconds until there is something to claim, at most `longest_delay`."""
        async with self._database.read() as session:
            now = await self._now(session)
            free_at = case((_is_held(now), OutboxRow.held_until), else_=literal(now, UtcTime()))
            first = await session.first(
                select(free_at).where(OutboxRow.network == network).order_by(free_at).limit(1)
            )
        if first is None:
            return longest_delay
        wait: float = (first - now).total_seconds()
        return max(0.0, min(longest_delay, wait))

    async def finish(self, items: Collection[Item]) -> None:
        """They have been run and need not be run again."""
        if items:
            async with self._database.write() as session:
                for item in items:
                    await session.execute(delete(OutboxRow).where(*_ours(item)))

    async def retry(self, items: Sequence[tuple[Item, str, datetime | None]]) -> None:
        """Run them again: each with the code of what it waits for and, if known, from when on;
        otherwise after a delay that grows with the attempts."""
        if items:
            async with self._database.write() as session:
                now = await self._now(session)
                for item, code, at in items:
                    wait = self._delay(item.attempts) if at is None else at - now
                    until = now + min(max(wait, timedelta()), WAIT_MAX)
                    await session.execute(
                        update(OutboxRow)
                        .where(*_ours(item))
                        .values(claim=None, held_since=now, held_until=until, last_error=code)
                    )

    def _delay(self, attempts: int) -> timedelta:
        """Doubling, up to a limit, and spread so that what failed together does not come back
        together."""
        longest = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(attempts - 1, 16))
        return timedelta(seconds=longest * (0.5 + 0.5 * self._delay_share()))


def _is_held(now: datetime) -> ColumnElement[bool]:
    """By a worker's claim, or until it is time to try again."""
    return stands(OutboxRow.held_since, OutboxRow.held_until, now)


def _ours(item: Item) -> tuple[ColumnElement[bool], ...]:
    return OutboxRow.seq == item.seq, OutboxRow.claim == item.claim


async def _take(
    session: WriteSession, which: ColumnElement[bool], limit: int, claim: str, now: datetime
) -> list[OutboxRow]:
    """In the order in which they came free, new ones in the order in which they were made."""
    first = select(OutboxRow.seq).where(which).order_by(OutboxRow.held_until, OutboxRow.seq)
    # A common table expression, because PostgreSQL may run a plain subquery again for each row, and
    # then the limit and the locks mean nothing.
    chosen = first.limit(limit).with_for_update(skip_locked=True).cte("chosen")
    rows = await session.returning(
        update(OutboxRow)
        .where(OutboxRow.seq.in_(select(chosen.c.seq)))
        .values(
            claim=claim,
            held_since=now,
            held_until=now + CLAIM,
            attempts=OutboxRow.attempts + 1,
        )
        .returning(OutboxRow)
        .execution_options(synchronize_session=False)
    )
    return sorted(rows, key=lambda row: row.seq)
