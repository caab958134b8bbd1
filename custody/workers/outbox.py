"""The outbox: effects that were committed as rows, claimed by whichever worker comes first.

A claim lasts seconds and is renewed while the work runs, so the work of a worker that dies is done
by another at once. It may have been done already; so every effect must be safe to run twice, and a
row is removed only by the worker whose claim still stands.

Vaults take turns, so that nobody's backlog delays another's work. Work that was never tried goes
first: what has to wait anyway must not make what need not wait. Among that, broadcasts go before
signings: they hold claims that others may wait for. So does what somebody asked for about a
transaction that waits, because it may be in a block soon.

One worker at a time signs for a vault (`lanes`).

Of one vault's signings, the client's priorities say what goes first: they decide which of its work
has the places that the rules above give to a vault, so no other vault feels them. One claim in
`AGE_SHARE` knows no priorities, so that a flood of what is urgent lets the rest go on.

What begins something new where that is paused is left where it is: the pauses are read in the
transaction of the claim, so all processes obey one at once.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Container, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chains.model import NetworkId
from custody.db.clock import database_now
from custody.db.look import Quick
from custody.db.session import Database, WriteSession
from custody.db.tables import OutboxRow
from custody.outbox import Work
from custody.pauses.repository import paused
from custody.workers import repository
from custody.workers.lanes import Barred, share

CLAIM = timedelta(seconds=3)
"""How long the work of a worker that dies lies still."""
RENEWALS = 3
"""How often a claim is renewed in its time."""
RETRIES_SHARE = 4
"""Where there are new effects, one in so many of a claim, at most, was tried before: new ones don't
wait for more, and these don't wait for ever."""
TURNS_SHARE = 2
"""One in so many effects of a claim, at most, is taken because it is its vault's turn."""
AGE_SHARE = 4
"""One in so many claims takes what came first, however urgent it is."""
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 15.0
ORDER = (Work.BROADCAST, Work.CANCEL, Work.SPEED_UP, Work.SIGN)
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


@dataclass(frozen=True, slots=True)
class _Taking:
    """One claim, in its transaction. `ranked`: whether priorities count in it. `waiting`: of what
    there is anything (`repository.waiting`)."""

    session: WriteSession
    network: NetworkId
    hold: repository.Hold
    barred: Barred
    ranked: bool
    waiting: Container[Work | None]

    async def take(
        self,
        limit: int,
        kind: Work | None,
        after: str | None = None,
        within: Sequence[str] | None = None,
    ) -> list[OutboxRow]:
        return await repository.take(
            self.session,
            self.network,
            self.hold,
            limit,
            kind,
            after,
            self.barred,
            within=within,
            ranked=self.ranked,
        )

    async def places(
        self, limit: int, kind: Work | None, within: Sequence[str] | None
    ) -> Counter[str]:
        now = self.hold.since
        return await repository.places(
            self.session, self.network, now, limit, kind, self.barred, within
        )

    async def lanes(self, limit: int, after: str) -> tuple[Sequence[str], Sequence[str]]:
        """Of twice as many free ones as it has turns for: those that it takes, and those that it
        takes if there is too little in these."""
        most = 2 * _turns_of(limit)
        free = await repository.lanes(self.session, self.network, most, after, self.barred)
        if len(free) < 2:
            return free, ()
        waiting = await repository.waits(self.session, self.network, free, limit + 1)
        mine = share(free, crowded=waiting > limit)
        return mine, free[len(mine) :]


class Outbox:
    """`now`: the clock that all workers share."""

    def __init__(
        self,
        database: Database,
        delay_share: Callable[[], float] = random.random,
        *,
        now: Callable[[Quick], Awaitable[datetime]] = database_now,
    ) -> None:
        self._database = database
        self._delay_share = delay_share
        self._now = now
        self._served: dict[tuple[NetworkId, Work | None], str] = {}
        """The vault whose turn was the last one."""
        self._claims: Counter[NetworkId] = Counter()

    async def claim(self, network: NetworkId, limit: int) -> list[Item]:
        """Up to `limit` effects of a network that nothing holds back: new ones first, broadcasts
        before signings, then a few of those that were tried before. Ours for as long as they are
        `kept`. Skips what other workers are claiming right now."""
        claim = secrets.token_hex(16)
        self._claims[network] += 1
        async with self._database.write() as session:
            now = await self._now(session)
            hold = repository.Hold(claim, now, now + CLAIM)
            barred = await self._barred(session, network, now)
            ranked = bool(self._claims[network] % AGE_SHARE)
            ranked = ranked and await repository.has_priorities(session, network)
            waiting = await repository.waiting(session, network)
            taking = _Taking(session, network, hold, barred, ranked, waiting)
            again = await self._take(taking, limit // RETRIES_SHARE, None)
            first: list[OutboxRow] = []
            for kind in ORDER:
                rest = limit - len(again) - len(first)
                first += await self._take(taking, rest, kind)
            if not first and len(again) == limit // RETRIES_SHARE:  # as after many workers died
                again += await self._take(taking, limit - len(again), None)
        rows = [*first, *again]
        if ranked:  # numbers and coins are claimed in this order
            rows.sort(key=lambda row: row.rank)
        return [Item(r.seq, Work(r.kind), r.subject, r.attempts, claim) for r in rows]

    async def _take(self, taking: _Taking, limit: int, kind: Work | None) -> list[OutboxRow]:
        """Half of it by turns, one of each vault, where the last turn ended; then whatever is
        first: so a vault waits for no other's backlog, and one alone has it all."""
        turns = _turns_of(limit)
        served = taking.network, kind
        if kind not in taking.waiting:
            self._served[served] = ""
            return []
        after = self._served.get(served, "")
        if kind is Work.SIGN:
            lanes, more = await taking.lanes(limit, after)
            rows = await taking.take(turns, kind, after, lanes)
            self._served[served] = lanes[-1] if lanes else ""
            for within in (lanes, more):
                rows += await self._rest(taking, limit - len(rows), kind, within)
            return rows
        rows = await taking.take(turns, kind, after)
        if rows:
            last = max(row.vault_id for row in rows)
            self._served[served] = last if len(rows) == turns else ""
        elif after:
            self._served[served] = ""
        return rows + await self._rest(taking, limit - len(rows), kind)

    async def _rest(
        self,
        taking: _Taking,
        limit: int,
        kind: Work | None,
        within: Sequence[str] | None = None,
    ) -> list[OutboxRow]:
        """What is first: of all vaults, or those `within`."""
        if not taking.ranked or kind not in (Work.SIGN, None):
            return await taking.take(limit, kind, within=within)
        rows: list[OutboxRow] = []
        for vault, places in (await taking.places(limit, kind, within)).items():
            rows += await taking.take(places, kind, within=[vault])
        return rows

    async def _barred(self, session: WriteSession, network: NetworkId, now: datetime) -> Barred:
        """One at a time claims, so that no lane is taken twice. Who finds another one at it takes
        nothing to sign."""
        held = await paused(session)
        if not await session.alone(f"lanes {network}"):
            return Barred(held, signs=False)
        return Barred(held, await repository.busy(session, network, now))

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
        async with self._database.look() as look:  # as a rule there is nothing
            if not await repository.has_work(look, network):
                return longest_delay
        async with self._database.read() as session:
            now = await self._now(session)
            barred = Barred(await paused(session), await repository.busy(session, network, now))
            first = await repository.first_free_at(session, network, now, barred)
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


def _turns_of(limit: int) -> int:
    return -(-limit // TURNS_SHARE)
