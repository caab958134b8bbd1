"""One leader among all processes on one database, by a row, for as long as it keeps renewing.

A lock that belongs to a connection would be simpler, but a pooler in transaction mode gives every
transaction another connection: two processes would lead, and the lock would stay behind.

A leader may be late to notice that it was replaced: its machine slept, or the database was away. So
a lease carries an epoch, which grows each time the name changes hands, and a transaction that only
the leader may make checks it (`Lease.check`). Until that transaction ends nobody can take over.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence, Set
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Final

import structlog
from sqlalchemy import ColumnElement, Update, and_, bindparam, literal_column, not_, select, update
from sqlalchemy.exc import SQLAlchemyError

from custody.db.clock import database_now, moment, stands_at, stands_then
from custody.db.look import Quick
from custody.db.session import Database, WriteSession
from custody.db.tables import LeaseRow

LEASE_S = 3.0
"""How long a process that dies keeps what it held."""
RENEWALS = 3
"""How often a lease is renewed in its time."""

_NEVER: Final = datetime.min.replace(tzinfo=UTC)

log = structlog.get_logger()


class LeaseLost(Exception):
    """Somebody else leads. Nothing of the transaction may stay."""


class Lease:
    """The right to do what `name` says. `is_held` turns false when it is known to be lost. `until`:
    what we wrote last; the row can't say less, unless the database is an older one."""

    __slots__ = ("_holder", "epoch", "is_held", "name", "until")

    def __init__(self, name: str, holder: str, epoch: int, until: datetime = _NEVER) -> None:
        self.name = name
        self.epoch = epoch
        self.until = until
        self.is_held = True
        self._holder = holder

    async def check(self, session: WriteSession) -> None:
        """Call first in a transaction that only the leader may make: raises LeaseLost unless the
        lease is still ours, and keeps it ours until the transaction ends.

        FOR KEY SHARE: renewing does not wait for it, taking over does, because that changes the
        epoch, which is part of a unique key.
        """
        if not await session.quick_rows(_OURS_STILL, {**self.words, "since": self.until}):
            self.is_held = False
            raise LeaseLost(f"{self.name}: epoch {self.epoch} is over")

    @property
    def words(self) -> dict[str, object]:
        """Parameters of the statements about it."""
        return {"of": self.name, "by": self._holder, "in": self.epoch}


# Constants, because loops of every process run these again and again.

_OURS: Final = and_(
    LeaseRow.name == bindparam("of"),
    LeaseRow.holder == bindparam("by"),
    LeaseRow.epoch == bindparam("in"),
)
_OURS_STILL: Final = (
    select(LeaseRow.epoch)
    .where(_OURS, LeaseRow.until >= bindparam("since"))
    .with_for_update(read=True, key_share=True)
)
_GIVE_UP: Final = update(LeaseRow).where(_OURS).values(until=LeaseRow.since)


def _taking(is_led: ColumnElement[bool]) -> Update:
    return (
        update(LeaseRow)
        .where(LeaseRow.name == bindparam("of"), not_(is_led))
        .values(
            holder=bindparam("by"),
            epoch=LeaseRow.epoch + literal_column("1"),
            since=bindparam("now"),
            until=bindparam("to"),
        )
        .returning(LeaseRow.epoch)
    )


_TAKE: Final = _taking(stands_then(LeaseRow.since, LeaseRow.until))
_LEADER: Final = select(LeaseRow.since, LeaseRow.until).where(LeaseRow.name == bindparam("name"))


async def is_held(session: Quick, name: str, now: datetime) -> bool:
    """Whether anybody leads. `now`: the database's."""
    return _leads(await session.quick_rows(_LEADER, {"name": name}), now)


def _leads(rows: Sequence[tuple[datetime, datetime]], now: datetime) -> bool:
    return any(stands_at(since, until, now) for since, until in rows)


class Leases:
    """One per process: takes leases and renews all that it holds with one statement."""

    def __init__(
        self,
        database: Database,
        *,
        period_s: float = LEASE_S,
        now: Callable[[Quick], Awaitable[datetime]] = database_now,
    ) -> None:
        self._database = database
        self._period_s = period_s
        self._now = now
        self._holder = secrets.token_hex(16)
        self._held: set[Lease] = set()
        self._renewing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[Lease | None]:
        """Try to lead. Never waits: None if somebody else leads. Given up at the block's end."""
        lease = await self._take(name)
        if lease is None:
            yield None
            return
        self._held.add(lease)
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renew_while_held())
        try:
            yield lease
        finally:
            self._held.discard(lease)
            await asyncio.shield(self._end(lease))

    async def _end(self, lease: Lease) -> None:
        if not self._held and self._renewing is not None:
            self._renewing.cancel()
            await asyncio.gather(self._renewing, return_exceptions=True)
        await self._give_up(lease)

    async def _take(self, name: str) -> Lease | None:
        async with self._database.look() as look:
            known = await look.quick_rows(_LEADER, {"name": name})
            now = await self._now(look)
        if _leads(known, now):  # almost always, and then nothing is written
            return None
        async with self._database.write() as session:
            now = await self._now(session)
            until = now + timedelta(seconds=self._period_s)
            if not known:
                first = {"name": name, "holder": "", "epoch": 0, "since": now, "until": now}
                await session.insert_missing(LeaseRow, [first])
            asked = {"of": name, "by": self._holder, "to": until, **moment(now)}
            taken = await session.quick_change(_TAKE, asked)
        return Lease(name, self._holder, taken[0][0], until) if taken else None

    async def _give_up(self, lease: Lease) -> None:
        """So that the next one need not wait. Where that fails, it waits."""
        lease.is_held = False
        with suppress(SQLAlchemyError):
            async with self._database.write() as session:
                await session.quick_change(_GIVE_UP, lease.words)

    async def _renew_while_held(self) -> None:
        renewed = monotonic()
        while self._held:
            await asyncio.sleep(self._period_s / RENEWALS)
            held = frozenset(self._held)
            started = monotonic()
            try:
                epochs = await self._renew(held)
            except SQLAlchemyError as error:
                log.warning("leases_not_renewed", error=type(error).__name__)
                if monotonic() - renewed > self._period_s:
                    self._lose(held)
                continue
            renewed = started
            self._lose({lease for lease in held if epochs.get(lease.name) != lease.epoch})

    async def _renew(self, held: Set[Lease]) -> dict[str, int]:
        """The epoch of each name that is still ours. Of these alone: one that could not be given
        up, or whose taking was never confirmed, would be ours for ever and led by nobody."""
        known = {lease.name: lease.until for lease in held}
        mine = and_(LeaseRow.holder == self._holder, LeaseRow.name.in_(known))
        async with self._database.write_short() as session:
            now = await self._now(session)
            until = now + timedelta(seconds=self._period_s)
            rows = await session.rows(select(LeaseRow.name, LeaseRow.until).where(mine))
            older = {name for name, stored in rows if stored < known[name]}
            renewed = await session.returning(
                update(LeaseRow)
                .where(mine, LeaseRow.until > LeaseRow.since, LeaseRow.name.not_in(older))
                .values(since=now, until=until)
                .returning(LeaseRow)
            )
        epochs = {row.name: row.epoch for row in renewed}
        for lease in held:
            if epochs.get(lease.name) == lease.epoch:
                lease.until = until
        return epochs

    def _lose(self, leases: Set[Lease]) -> None:
        for lease in leases & self._held:
            log.warning("lease_lost", name=lease.name, epoch=lease.epoch)
            lease.is_held = False
            self._held.discard(lease)
