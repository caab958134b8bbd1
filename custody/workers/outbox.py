"""The outbox: effects that were committed as rows, claimed by whichever worker comes first.

A claim lasts seconds and is renewed while the work runs, so the work of a worker that dies is done
by another at once. It may have been done already; so every effect must be safe to run twice, and a
row is removed only by the worker whose claim still stands.

Work that was never tried goes first: what has to wait anyway must not make what need not wait.
Among that, broadcasts go before signings: they hold claims that others may wait for.
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
from sqlalchemy.exc import SQLAlchemyError

from chains.model import NetworkId
from custody.db.clock import database_now
from custody.db.session import Database, ReadSession
from custody.db.tables import OutboxRow
from custody.outbox import Work
from custody.workers import repository

CLAIM = timedelta(seconds=3)
"""How long the work of a worker that dies lies still."""
RENEWALS = 3
"""How often a claim is renewed in its time."""
RETRIES_SHARE = 4
"""One in so many effects of a claim, at most, was tried before: new ones don't wait for more, and
these don't wait for ever."""
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 15.0
ORDER = (Work.BROADCAST, Work.SIGN)
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
        """Up to `limit` effects of a network that nothing holds back: new ones first, broadcasts
        before signings, then a few of those that were tried before. Ours for as long as they are
        `kept`. Skips what other workers are claiming right now."""
        claim = secrets.token_hex(16)
        async with self._database.write() as session:
            now = await self._now(session)
            hold = repository.Hold(claim, now, now + CLAIM)
            retries = limit // RETRIES_SHARE
            again = await repository.take(session, network, hold, retries, tried=True, kinds=ORDER)
            first: list[OutboxRow] = []
            for kind in ORDER:
                rest = limit - len(again) - len(first)
                first += await repository.take(
                    session, network, hold, rest, tried=False, kinds=[kind]
                )
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
            claims = {item.claim for item in items}
            await repository.renew(session, [item.seq for item in items], claims, now, now + CLAIM)

    async def delay_s(self, network: NetworkId, longest_delay: float) -> float:
        """Seconds until there is something to claim, at most `longest_delay`."""
        async with self._database.read() as session:
            now = await self._now(session)
            first = await repository.first_free_at(session, network, now)
        if first is None:
            return longest_delay
        wait: float = (first - now).total_seconds()
        return max(0.0, min(longest_delay, wait))

    async def finish(self, items: Collection[Item]) -> None:
        """They have been run and need not be run again."""
        if items:
            async with self._database.write() as session:
                claims = {item.claim for item in items}
                await repository.remove(session, [item.seq for item in items], claims)

    async def retry(self, items: Sequence[tuple[Item, str, datetime | None]]) -> None:
        """Run them again: each with the code of what it waits for and, if known, from when on;
        otherwise after a delay that grows with the attempts."""
        if items:
            async with self._database.write() as session:
                now = await self._now(session)
                for item, code, at in items:
                    wait = self._delay(item.attempts) if at is None else at - now
                    until = now + min(max(wait, timedelta()), WAIT_MAX)
                    hold = repository.Hold(item.claim, now, until)
                    await repository.put_back(session, item.seq, hold, code)

    def _delay(self, attempts: int) -> timedelta:
        """Doubling, up to a limit, and spread so that what failed together does not come back
        together."""
        longest = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0 ** min(attempts - 1, 16))
        return timedelta(seconds=longest * (0.5 + 0.5 * self._delay_share()))
