"""Who leads: one at a time, replaced soon after it dies, and powerless once it was replaced."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError

from custody.db.clock import SLACK, database_now
from custody.db.leases import Lease, LeaseLost, Leases
from custody.db.look import Quick
from custody.db.session import Database
from custody.db.tables import ClientRow, LeaseRow
from tests.support.custody import Clock
from tests.unit.custody.transfers.desk import Desk

LIMIT_S = 30.0
HOUR = timedelta(hours=1)


def by(clock: Clock) -> Callable[[Quick], Awaitable[datetime]]:
    async def now(_session: Quick) -> datetime:
        return clock()

    return now


async def leads(leases: Leases, name: str = "x") -> bool:
    async with leases.hold(name) as lease:
        return lease is not None


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def eventually_lost(lease: Lease) -> None:
    async def is_lost() -> bool:
        return not lease.is_held

    await eventually(is_lost)


@asynccontextmanager
async def replaced(database: Database, name: str = "x") -> AsyncIterator[tuple[Lease, Lease]]:
    """A leader that does not know yet that its time ran out, and the one who took over."""
    clock = Clock()
    late = Leases(database, period_s=3600, now=by(clock))
    async with late.hold(name) as lost:
        assert lost is not None
        clock.forward(seconds=3600)
        async with Leases(database, now=by(clock)).hold(name) as taken:
            assert taken is not None
            yield lost, taken


async def test_one_leader_for_each_name(database: Database):
    mine, other = Leases(database), Leases(database)
    async with mine.hold("eip155:1") as lease:
        assert lease is not None
        assert not await leads(other, "eip155:1")
        assert not await leads(mine, "eip155:1")
        assert await leads(other, "eip155:56")
        assert lease.is_held
    assert not lease.is_held
    assert await leads(other, "eip155:1")


async def test_leadership_ends_with_an_error(database: Database):
    leases = Leases(database)
    with suppress(RuntimeError):
        async with leases.hold("x") as lease:
            assert lease is not None
            raise RuntimeError
    assert await leads(leases)


async def test_of_many_who_try_at_once_one_leads(database: Database):
    everyone_tried = asyncio.Barrier(6)

    async def attempt() -> bool:
        async with Leases(database).hold("x") as lease:
            await everyone_tried.wait()
            return lease is not None

    assert sum(await asyncio.gather(*(attempt() for _ in range(6)))) == 1


async def test_a_lease_is_renewed_for_as_long_as_it_is_held(database: Database):
    async with Leases(database, period_s=0.3).hold("x") as lease:
        assert lease is not None
        first = last = await row(database)
        async with asyncio.timeout(LIMIT_S):
            while last.since < first.until:
                await asyncio.sleep(0.02)
                last = await row(database)
        assert last.epoch == first.epoch == lease.epoch


async def row(database: Database) -> LeaseRow:
    async with database.read() as session:
        return await session.one(select(LeaseRow).where(LeaseRow.name == "x"))


async def test_a_killed_leader_is_replaced(database: Database, database_url: str):
    program = (
        "import asyncio, sys\n"
        "from custody.db.leases import Leases\n"
        "from custody.db.session import Database\n"
        "async def main():\n"
        "    async with Leases(Database(sys.argv[1])).hold('x') as lease:\n"
        "        print(lease is not None, flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, database_url, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"True\n"
    leases = Leases(database)
    assert not await leads(leases)
    child.kill()
    await child.wait()
    await eventually(lambda: leads(leases))


# Fencing


async def test_who_was_replaced_can_write_nothing(database: Database):
    async with replaced(database) as (lost, taken):
        with pytest.raises(LeaseLost):
            await add_client(database, lost)
        assert not lost.is_held
        async with database.write() as session:
            await taken.check(session)
            assert await session.get(ClientRow, "cli_0") is None
        assert taken.epoch == lost.epoch + 1


async def add_client(database: Database, lease: Lease) -> None:
    async with database.write() as session:
        session.add(ClientRow(id="cli_0", name="late", created_at=datetime.now(UTC)))
        await lease.check(session)


@pytest.mark.parametrize("noticed_by", ["check", "renewal"])
async def test_a_leader_of_a_database_that_became_an_older_one_begins_again(
    database: Database, noticed_by: str
):
    """A standby that was behind was promoted: the row is ours, of a time that is long past."""
    leases = Leases(database, period_s=3600)
    async with leases.hold("x") as lease:
        assert lease is not None
        stored = await row(database)
        assert await leases._renew({lease}) == {"x": lease.epoch}
        async with database.write() as session:
            older = {"since": stored.since - HOUR, "until": stored.until}
            await session.execute(update(LeaseRow).values(older))
        if noticed_by == "renewal":
            assert await leases._renew({lease}) == {}
            assert (await row(database)).until == stored.until
        with pytest.raises(LeaseLost):
            await add_client(database, lease)
    async with database.read() as session:
        assert await session.get(ClientRow, "cli_0") is None


async def test_nobody_takes_over_while_a_checked_transaction_is_open(database: Database):
    if database._engines.is_sqlite:
        return  # one writer at a time
    clock = Clock()
    leader, other = (Leases(database, now=by(clock)) for _ in range(2))
    async with leader.hold("x") as lease:
        assert lease is not None
        async with database.write() as session:
            await lease.check(session)
            assert await leader._renew({lease}) == {"x": lease.epoch}  # does not wait
            clock.forward(hours=1)
            taking = asyncio.create_task(other._take("x"))
            await waits_for_a_lock(database)
        taken = await taking
        assert taken is not None
        assert taken.epoch == lease.epoch + 1


async def waits_for_a_lock(database: Database) -> None:
    waiting = text("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")
    async with database._engines.read.connect() as connection:

        async def is_waiting() -> bool:
            return bool(await connection.scalar(waiting))

        await eventually(is_waiting)


@pytest.mark.parametrize("work", ["blocks", "transfers", "expiry"])
async def test_blocks_and_ends_of_transfers_need_the_lease(database: Database, work: str):

    desk = Desk(database)
    vault = await desk.open_funded(10**6)
    transfer_id = await desk.send(vault, 1_000)
    if work == "transfers":
        await desk.run_outbox()
        await desk.node.mine()
        await desk.follow()
    elif work == "blocks":
        await desk.node.mine()
    else:
        desk.clock.forward(hours=2)
    before = await desk.counts(), await desk.state(transfer_id)
    actions: dict[str, Callable[[Lease], Awaitable[object]]] = {
        "blocks": desk.follower.step,
        "transfers": lambda lease: desk.worker._tracker.track(desk.network.id, lease),
        "expiry": lambda lease: desk.services.transfers.expire(lease=lease),
    }
    async with replaced(database) as (lost, taken):
        with pytest.raises(LeaseLost):
            await actions[work](lost)
        after = await desk.counts() | {"leases": before[0]["leases"]}
        assert (after, await desk.state(transfer_id)) == before
        await actions[work](taken)
        after = await desk.counts() | {"leases": before[0]["leases"]}
        assert (after, await desk.state(transfer_id)) != before


async def test_who_cannot_renew_stops_by_itself(database: Database):
    clock = Clock()
    away = False

    async def now(_session: Quick) -> datetime:
        if away:
            raise OperationalError("", None, Exception("the database is away"))
        return clock()

    async with Leases(database, period_s=0.3, now=now).hold("x") as lease:
        assert lease is not None
        away = True
        await eventually_lost(lease)


async def test_what_is_not_held_is_not_renewed_with_what_is(database: Database):
    """The database was away when a lease ended, or when one began: the row says that it is ours,
    and for as long as it was renewed nobody would lead."""
    clock = Clock()
    now = by(clock)
    leases = Leases(database, period_s=3.0, now=now)
    async with leases.hold("y") as kept:
        assert kept is not None
        await leases._take("x")  # the row is ours, and nobody here knows
        clock.forward(seconds=2)
        assert await leases._renew({kept}) == {"y": kept.epoch}
        clock.forward(seconds=2)
        assert not await leads(Leases(database, now=now), "y")
        assert await leads(Leases(database, now=now), "x")


async def test_who_was_replaced_hears_of_it(database: Database):
    async with Leases(database, period_s=0.3).hold("x") as lease:
        assert lease is not None
        async with database.write() as session:
            await session.execute(
                update(LeaseRow).values(epoch=LeaseRow.epoch + 1, holder="another")
            )
        await eventually_lost(lease)
    assert (await row(database)).holder == "another"


# Clocks


@pytest.mark.parametrize(
    ("taken_at", "asked_at", "free"),
    [
        (timedelta(), timedelta(), False),
        (timedelta(), timedelta(seconds=3), True),
        (timedelta(), -SLACK, False),  # set back as far as clocks are
        (timedelta(), -HOUR, True),
        (HOUR, timedelta(), True),
        (-HOUR, timedelta(), True),
        (timedelta(), HOUR, True),
    ],
)
async def test_a_dead_leader_holds_nothing_by_a_wrong_clock(
    database: Database, taken_at: timedelta, asked_at: timedelta, free: bool
):
    clock = Clock()
    clock.now += taken_at
    await Leases(database, now=by(clock))._take("x")  # never renewed: it died
    clock.now += asked_at - taken_at
    assert await leads(Leases(database, now=by(clock))) == free


async def test_the_databases_clock_is_a_clock(database: Database):
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    async with database.write() as session:
        first = await database_now(session)
        second = await database_now(session)
    assert before <= first <= second <= datetime.now(UTC)
    assert first.tzinfo is UTC
