"""Wrong clocks, one moment or an hour long: what custody takes for the time, and what it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
import structlog

from custody.clock import DATABASE, DISAGREEMENT, GAP, STEADY, WALL, Look, SteadyClock
from custody.db.leases import Leases
from custody.db.session import Database
from custody.workers import clocks
from custody.workers.workers import Workers
from tests.unit.custody.transfers.desk import Desk

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Clocks:
    """A host's wall clock, what was counted, and the database's clock; each can be wrong."""

    passed: float = 0.0
    wall_wrong: timedelta = timedelta()
    database_wrong: timedelta = timedelta()

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.passed) + self.wall_wrong

    def database(self) -> datetime:
        return START + timedelta(seconds=self.passed) + self.database_wrong

    def true(self) -> datetime:
        return START + timedelta(seconds=self.passed)

    def steady(self) -> SteadyClock:
        return SteadyClock(self.wall, lambda: self.passed)


@pytest.mark.parametrize(
    ("wall", "database", "astray"),
    [
        (timedelta(), timedelta(), []),
        (DISAGREEMENT, -DISAGREEMENT, []),
        (HOUR, timedelta(), [f"{WALL} is ahead of"]),
        (-HOUR, timedelta(), [f"{WALL} is behind"]),
        (timedelta(), HOUR, [f"{DATABASE} is ahead of"]),
        (timedelta(), -HOUR, [f"{DATABASE} is behind"]),
        (HOUR, -HOUR, [f"{WALL} is ahead of", f"{DATABASE} is behind"]),
    ],
)
def test_a_wrong_clock_moves_nothing_and_is_named(
    wall: timedelta, database: timedelta, astray: list[str]
):
    clocks_ = Clocks()
    ours = clocks_.steady()
    for passed in (1.0, 1800.0, 3600.0):
        clocks_.passed = passed
        clocks_.wall_wrong, clocks_.database_wrong = wall, database
        look = ours.look(clocks_.database())
        assert ours() == look.now == clocks_.true()
        assert [words.partition(" the time")[0] for words in look.astray] == astray
        clocks_.wall_wrong = clocks_.database_wrong = timedelta()
        assert ours.look(clocks_.database()).astray == ()


def test_ends_are_judged_by_the_earliest_clock():
    second = timedelta(seconds=1)
    assert Look(START, {WALL: START + second, DATABASE: START - second}).earliest == START - second
    assert Look(START, {}).earliest == START


def watched(clocks_: Clocks, ours: SteadyClock, seconds: float, every: float = 60.0) -> None:
    until = clocks_.passed + seconds
    while clocks_.passed < until:
        clocks_.passed += every
        ours.look(clocks_.database())


def test_witnesses_that_agree_for_hours_are_believed():
    """As after a start with a wrong clock that was put right."""
    clocks_ = Clocks(wall_wrong=-HOUR)
    ours = clocks_.steady()
    clocks_.wall_wrong = timedelta()
    watched(clocks_, ours, STEADY.total_seconds() - 60)
    assert ours() == clocks_.true() - HOUR
    watched(clocks_, ours, 180)
    assert ours() == clocks_.true()


@pytest.mark.parametrize("wrong", ["one of them", "for an hour", "not seen for long", "wanders"])
def test_nothing_else_is_believed(wrong: str):
    clocks_ = Clocks()
    ours = clocks_.steady()
    clocks_.wall_wrong = clocks_.database_wrong = HOUR
    if wrong == "one of them":
        clocks_.database_wrong = timedelta()
        watched(clocks_, ours, 2 * STEADY.total_seconds())
    elif wrong == "for an hour":
        watched(clocks_, ours, 3600)
        clocks_.wall_wrong = clocks_.database_wrong = timedelta()
        watched(clocks_, ours, 2 * STEADY.total_seconds())
    elif wrong == "not seen for long":
        watched(clocks_, ours, 2 * STEADY.total_seconds(), every=GAP.total_seconds() + 1)
    else:
        for _ in range(12):
            clocks_.wall_wrong = clocks_.database_wrong = clocks_.wall_wrong + 2 * DISAGREEMENT
            watched(clocks_, ours, 3600)
    assert ours() == clocks_.true()


# What it keeps from happening


@pytest_asyncio.fixture
async def desk(sqlite_url: str) -> AsyncIterator[Desk]:
    database = Database(sqlite_url)
    yield Desk(database)
    await database.close()


async def expire_once(workers: Workers) -> None:
    async with Leases(workers._custody.database).hold("expiry") as lease:
        assert lease is not None
        await workers._expire_once(lease)


@pytest.mark.parametrize("which", ["wall_wrong", "database_wrong"])
async def test_nothing_expires_by_a_clock_that_jumped(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, which: str
):
    clocks_ = Clocks()

    async def database_now(_session: object) -> datetime:
        return clocks_.database()

    monkeypatch.setattr(clocks, "database_now", database_now)
    vault = await desk.open_funded(1_000_000)
    transfer_id = await desk.send(vault, 1_000)
    services = replace(desk.services, custody=replace(desk.custody, clock=clocks_.steady()))
    workers = Workers(services)
    setattr(clocks_, which, timedelta(days=1))
    with structlog.testing.capture_logs() as logged:
        for _ in range(2):
            await expire_once(workers)
            assert await desk.state(transfer_id) == "approved"
            assert await desk.alarms() == ["clocks_disagree"]
    assert [entry["event"] for entry in logged] == ["clocks_disagree", "alarm"]
    setattr(clocks_, which, timedelta())
    await expire_once(workers)
    assert await desk.state(transfer_id) == "approved"
    assert await desk.open_alarms() == []
    clocks_.passed = desk.lifetime.total_seconds() + 60
    await expire_once(workers)
    assert await desk.state(transfer_id) == "expired"


async def test_clocks_that_go_on_together_end_what_is_over(desk: Desk):
    vault = await desk.open_funded(1_000_000)
    transfer_id = await desk.send(vault, 1_000)
    await expire_once(desk.workers)
    assert await desk.state(transfer_id) == "approved"
    desk.clock.forward(hours=2)
    await expire_once(desk.workers)
    assert await desk.state(transfer_id) == "expired"
