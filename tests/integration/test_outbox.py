"""The outbox: each effect to one worker, soon to another if that one dies, whatever clocks say."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update

from chains.model import NetworkId
from custody.db.clock import SLACK
from custody.db.look import Quick
from custody.db.session import Database
from custody.db.tables import OutboxRow
from custody.outbox import Work, enqueue
from custody.workers.outbox import BACKOFF_MAX_S, CLAIM, ORDER, RETRIES_SHARE, Item, Outbox
from custody.workers.repository import waiting
from tests.support.custody import Clock
from tests.support.database import analyze

NETWORK = NetworkId("bip122:0f9188f13cb7b2c71f2a335e3a4fc328")
ELSEWHERE = NetworkId("eip155:1")
HOUR = timedelta(hours=1)
LIMIT_S = 30.0


def by(clock: Clock) -> Callable[[Quick], Awaitable[datetime]]:
    async def now(_session: Quick) -> datetime:
        return clock()

    return now


@dataclass
class Subject:
    id: str
    network: NetworkId = NETWORK
    vault_id: str = "vlt_1"


async def fill(
    database: Database,
    count: int,
    network: NetworkId = NETWORK,
    name: str = "tfr",
    vault: str = "vlt_1",
    work: Work = Work.SIGN,
) -> None:
    async with database.write() as session:
        for n in range(count):
            await enqueue(session, work, Subject(f"{name}_{n}", network, vault), Clock()())


async def rows(database: Database) -> list[OutboxRow]:
    async with database.read() as session:
        return list(await session.all(select(OutboxRow).order_by(OutboxRow.seq)))


def subjects(items: list[Item]) -> list[str]:
    return [item.subject for item in items]


async def test_every_effect_is_claimed_by_one_worker(database: Database):
    await fill(database, 40, work=Work.BROADCAST)
    await fill(database, 3, ELSEWHERE)
    outbox = Outbox(database)
    claims = await asyncio.gather(*(outbox.claim(NETWORK, 3) for _ in range(16)))
    assert all(len(items) <= 3 for items in claims)
    claimed = [subject for items in claims for subject in subjects(items)]
    claimed += subjects(await outbox.claim(NETWORK, 40))
    assert sorted(claimed) == sorted(f"tfr_{n}" for n in range(40))
    assert await outbox.claim(NETWORK, 4) == []
    assert len(await outbox.claim(ELSEWHERE, 4)) == 3


async def test_a_worker_that_is_claiming_is_not_waited_for(database: Database):
    if database._engines.is_sqlite:
        return  # writers take turns anyway
    await fill(database, 2)
    async with database.write() as other:
        taken = select(OutboxRow).where(OutboxRow.subject == "tfr_0").order_by(OutboxRow.seq)
        await other.for_update(taken)
        async with asyncio.timeout(LIMIT_S):
            assert subjects(await Outbox(database).claim(NETWORK, 9)) == ["tfr_1"]


async def test_a_dead_workers_effects_are_claimed_again_and_it_can_remove_nothing(
    database: Database,
):
    clock = Clock()
    await fill(database, 1)
    outbox = Outbox(database, now=by(clock))
    (first,) = await outbox.claim(NETWORK, 9)
    assert await outbox.delay_s(NETWORK, 60) == CLAIM.total_seconds()
    clock.now += CLAIM
    assert await outbox.delay_s(NETWORK, 60) == 0
    (second,) = await outbox.claim(NETWORK, 9)
    assert (first.seq, first.attempts, second.attempts) == (second.seq, 1, 2)
    await outbox.finish([first])
    await outbox.retry([(first, "late", None)])
    await outbox.renew([first])
    (row,) = await rows(database)
    assert (row.claim, row.last_error) == (second.claim, None)
    assert row.held_until == clock.now + CLAIM
    await outbox.finish([second])
    assert await outbox.delay_s(NETWORK, 7) == 7


async def test_a_claim_stands_for_as_long_as_the_work_takes(
    database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("custody.workers.outbox.CLAIM", timedelta(seconds=0.3))
    await fill(database, 2)
    outbox = Outbox(database)
    items = await outbox.claim(NETWORK, 9)
    end = (await rows(database))[0].held_until
    assert end is not None
    async with outbox.kept(items), asyncio.timeout(LIMIT_S):
        while any((row.held_since or end) <= end for row in await rows(database)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert {row.claim for row in await rows(database)} == {items[0].claim}


async def test_a_killed_workers_work_is_soon_somebody_elses(database: Database, database_url: str):
    program = (
        "import asyncio, sys\n"
        "from custody.db.session import Database\n"
        "from custody.workers.outbox import Outbox\n"
        "async def main():\n"
        "    outbox = Outbox(Database(sys.argv[1]))\n"
        "    async with outbox.kept(items := await outbox.claim(sys.argv[2], 9)):\n"
        "        print(len(items), flush=True)\n"
        "        await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    await fill(database, 2)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, database_url, NETWORK, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"2\n"
    outbox = Outbox(database)
    child.kill()
    await child.wait()
    assert await outbox.delay_s(NETWORK, 600) <= CLAIM.total_seconds() < 5
    async with asyncio.timeout(LIMIT_S):
        while len(await outbox.claim(NETWORK, 9)) != 2:  # noqa: ASYNC110
            await asyncio.sleep(await outbox.delay_s(NETWORK, 1))


async def test_delays_double_up_to_a_limit_and_are_spread(database: Database):
    clock = Clock()
    await fill(database, 1)
    shortest = Outbox(database, lambda: 0.0, now=by(clock))
    outbox = Outbox(database, lambda: 1.0, now=by(clock))
    for each, share in ((shortest, 0.5), (outbox, 1.0)):
        delays = [each._delay(attempts).total_seconds() for attempts in (1, 2, 3, 50)]
        assert delays == [0.5 * share, 1.0 * share, 2.0 * share, BACKOFF_MAX_S * share]
    (item,) = await outbox.claim(NETWORK, 9)
    await outbox.retry([(item, "node_unavailable", clock.now + timedelta(seconds=3))])
    assert await outbox.delay_s(NETWORK, 60) == 3
    assert await outbox.delay_s(NETWORK, 1) == 1
    assert await outbox.claim(NETWORK, 9) == []
    clock.forward(seconds=3)
    (again,) = await outbox.claim(NETWORK, 9)
    assert again.attempts == 2


async def test_what_must_wait_does_not_delay_what_need_not(database: Database):
    """However many there are: new effects go first, and the others get their share."""
    clock = Clock()
    outbox = Outbox(database, lambda: 0.0, now=by(clock))
    await fill(database, 40, name="stuck")
    stuck = await outbox.claim(NETWORK, 64)
    await outbox.retry([(item, "fee_above_maximum", None) for item in stuck])
    clock.forward(hours=1)
    await fill(database, 20, name="new")
    items = await outbox.claim(NETWORK, 16)
    assert subjects(items)[:12] == [f"new_{n}" for n in range(12)]
    assert subjects(items)[12:] == [f"stuck_{n}" for n in range(16 // RETRIES_SHARE)]
    await outbox.finish(items)
    items = await outbox.claim(NETWORK, 64)
    assert subjects(items)[:8] == [f"new_{n}" for n in range(12, 20)]
    assert len(items) == 8 + 64 // RETRIES_SHARE


async def test_without_anything_new_a_whole_claim_is_what_was_tried(database: Database):
    """Whoever died had claimed it, and a busy address had no room for it."""
    clock = Clock()
    outbox = Outbox(database, now=by(clock))
    await fill(database, 40)
    assert len(await outbox.claim(NETWORK, 64)) == 40  # by a worker that dies now
    clock.forward(hours=1)
    items = await outbox.claim(NETWORK, 32)
    assert len(items) == 32
    await outbox.finish(items)
    assert len(await outbox.claim(NETWORK, 32)) == 8


@pytest.mark.parametrize("claimed", [True, False])
@pytest.mark.parametrize(
    ("written_at", "asked_at", "free"),
    [
        (timedelta(), timedelta(), False),
        (timedelta(), HOUR, True),
        (timedelta(), -SLACK, False),  # set back as far as clocks are
        (timedelta(), -HOUR, True),
        (HOUR, timedelta(), True),  # one wrong reading delays nothing by an hour
        (-HOUR, timedelta(), True),
    ],
)
async def test_a_wrong_clock_delays_no_work(
    database: Database, claimed: bool, written_at: timedelta, asked_at: timedelta, free: bool
):
    clock = Clock()
    outbox = Outbox(database, now=by(clock))
    await fill(database, 1)
    clock.now += written_at
    (item,) = await outbox.claim(NETWORK, 1)
    if not claimed:
        await outbox.retry([(item, "node_unavailable", None)])
    clock.now += asked_at - written_at
    assert (await outbox.delay_s(NETWORK, 600) == 0) == free
    assert (len(await outbox.claim(NETWORK, 9)) == 1) == free


async def test_new_work_needs_no_clock(database: Database):
    """Whatever the process that asked for it took for the time."""
    async with database.write() as session:
        await enqueue(session, Work.SIGN, Subject("tfr_0"), Clock()() + 1000 * HOUR)
        await session.execute(update(OutboxRow).values(created_at=Clock()() + 1000 * HOUR))
    assert len(await Outbox(database).claim(NETWORK, 9)) == 1


# Vaults take turns

BACKLOG = 1_000


async def test_a_flood_of_one_vault_delays_no_other_vaults_work(database: Database):
    """What was asked for last, by each of ten other vaults, is in the next sets, however many wait
    before it; and the flood goes on meanwhile, the oldest first."""
    await fill(database, BACKLOG, name="flood")
    for n in range(10):
        await fill(database, 2, name=f"late{n}", vault=f"vlt_{n + 2}")
    outbox, sets = Outbox(database), []
    for _ in range(3):
        items = await outbox.claim(NETWORK, 16)
        sets.append(subjects(items))
        await outbox.finish(items)
    taken = {each for part in sets for each in part if each.startswith("late")}
    assert {each.partition("_")[0] for each in taken} == {f"late{n}" for n in range(10)}
    flood = [int(each.partition("_")[2]) for part in sets for each in part if "flood" in each]
    assert flood == sorted(flood)
    assert flood[:1] == [0]
    assert len(flood) + len(taken) == 48


async def test_more_vaults_than_turns_each_have_theirs(database: Database):
    """In as few sets as there are turns for: none is passed over, none comes twice before."""
    await fill(database, 200, name="flood")
    for n in range(40):
        await fill(database, 1, name=f"one{n}", vault=f"vlt_{n + 2:02}")
    outbox = Outbox(database)
    taken: list[str] = []
    for _ in range(6):
        taken += [each for each in subjects(await outbox.claim(NETWORK, 16)) if "one" in each]
    assert sorted(taken) == sorted(f"one{n}_0" for n in range(40))


async def test_what_is_tried_again_takes_turns_too(database: Database):
    clock = Clock()
    outbox = Outbox(database, now=by(clock), delay_share=lambda: 0.0)
    await fill(database, 60, name="stuck")
    await fill(database, 1, name="late", vault="vlt_2")
    while first := await outbox.claim(NETWORK, 16):
        await outbox.retry([(item, "waits", None) for item in first])
    clock.now += HOUR
    assert "late_0" in subjects(await outbox.claim(NETWORK, 16))


async def test_each_turn_is_a_step_in_an_index(database: Database):
    """However many rows a vault has: the database says how it would look, once it knows how many
    there are."""
    await fill(database, 400, name="tried")
    engine = database._engines.write
    async with engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE outbox SET attempts = 1")
    for work in ORDER:
        await fill(database, 400 if work is Work.SIGN else 1, work=work)
    await analyze(database)
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    await Outbox(database).claim(NETWORK, 16)
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    turns = [each for each in asked if "RECURSIVE turns" in each[0]]
    assert len(turns) == 1 + len(ORDER)
    async with engine.connect() as connection:
        if not database.is_sqlite:
            await connection.exec_driver_sql("SET enable_seqscan = off")
        for n, (statement, parameters) in enumerate(turns):
            found = await connection.exec_driver_sql(explain + statement, parameters)
            plan = "\n".join(str(each[-1]) for each in found)
            assert ("ix_outbox_fresh" if n else "ix_outbox_tried") in plan, plan
            assert "SCAN outbox" not in plan, plan
            assert "Seq Scan on outbox" not in plan, plan


async def test_only_kinds_that_wait_are_asked_about(database: Database):
    """Whoever claims asks once what there is, and no more about what there is not."""
    await fill(database, 1, name="tried", work=Work.SPEED_UP)
    engine = database._engines.write
    async with engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE outbox SET attempts = 1")
    await fill(database, 1, work=Work.BROADCAST)
    await fill(database, 1, ELSEWHERE, "other")
    async with database.write() as session:
        assert await waiting(session, NETWORK) == {None, Work.BROADCAST}
        assert await waiting(session, ELSEWHERE) == {Work.SIGN}
    asked: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        asked.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    claimed = await Outbox(database).claim(NETWORK, 16)
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert sorted(subjects(claimed)) == ["tfr_0", "tried_0"]
    assert len([each for each in asked if "RECURSIVE turns" in each]) == 2
