"""Of one vault's signings one worker at a time has any, and several workers share the vaults. On
both databases."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import event

from custody.db.session import Database, ReadSession
from custody.outbox import Work, enqueue
from custody.pauses.scope import Paused
from custody.workers.lanes import share
from custody.workers.outbox import CLAIM, Item, Outbox
from tests.integration.test_outbox import HOUR, NETWORK, Subject, by, fill
from tests.support.custody import Clock
from tests.support.database import analyze


def worker(database: Database, clock: Clock | None = None) -> Outbox:
    if clock is None:
        return Outbox(database)
    return Outbox(database, lambda: 0.0, now=by(clock))


def vaults(items: list[Item]) -> set[str]:
    """Of what `fill` made with the vault as its name."""
    return {item.subject.rpartition("_")[0] for item in items}


async def fill_vaults(database: Database, number: int, each: int) -> list[str]:
    names = [f"vlt_{n:02}" for n in range(number)]
    for name in names:
        await fill(database, each, name=name, vault=name)
    return names


async def test_what_one_worker_signs_for_no_other_does(database: Database):
    await fill(database, 9, name="vlt_1", vault="vlt_1")
    one, other = worker(database), worker(database)
    held = await one.claim(NETWORK, 4)
    assert len(held) == 4
    assert await other.claim(NETWORK, 4) == []
    await one.finish(held[:3])
    assert await other.claim(NETWORK, 4) == [], "one is held yet"
    await one.retry([(held[3], "node_unavailable", None)])
    assert vaults(await other.claim(NETWORK, 4)) == {"vlt_1"}, "what waits for time holds nothing"


async def test_a_busy_vault_delays_no_others_work_and_not_its_own_broadcasts(database: Database):
    await fill(database, 9, name="vlt_1", vault="vlt_1")
    one, other = worker(database), worker(database)
    assert len(await one.claim(NETWORK, 4)) == 4
    await fill(database, 3, name="vlt_2", vault="vlt_2")
    async with database.write() as session:
        for work in (Work.BROADCAST, Work.CANCEL, Work.SPEED_UP):
            await enqueue(session, work, Subject(f"{work}_0"), Clock()())
    taken = await other.claim(NETWORK, 16)
    assert vaults(taken) == {"vlt_2", "broadcast", "cancel", "speed_up"}
    assert len(taken) == 6


async def test_who_waits_for_a_vault_sleeps_until_it_could_be_free(database: Database):
    """Of a worker that dies: no longer than its claim."""
    clock = Clock()
    await fill(database, 9, name="vlt_1", vault="vlt_1")
    one, other = worker(database, clock), worker(database, clock)
    held = await one.claim(NETWORK, 4)
    assert await other.delay_s(NETWORK, 60) == CLAIM.total_seconds() < 5
    assert await other.delay_s(NETWORK, 0.5) == 0.5
    clock.now += CLAIM
    assert await other.delay_s(NETWORK, 60) == 0
    taken = await other.claim(NETWORK, 16)
    assert len(taken) == 9, "what was held and what was not"
    await one.finish(held)
    await one.renew(held)
    assert await one.claim(NETWORK, 16) == []


async def test_what_was_tried_before_is_signed_by_one_worker_too(database: Database):
    clock = Clock()
    await fill(database, 20, name="vlt_1", vault="vlt_1")
    one, other = worker(database, clock), worker(database, clock)
    while items := await one.claim(NETWORK, 16):
        await one.retry([(item, "waits", None) for item in items])
    clock.now += HOUR
    held = await one.claim(NETWORK, 16)
    assert len(held) == 16
    assert await other.claim(NETWORK, 16) == []
    assert await other.delay_s(NETWORK, 60) == CLAIM.total_seconds()
    await fill(database, 1, name="vlt_1_late", vault="vlt_1")
    assert await other.claim(NETWORK, 16) == []


async def test_workers_that_claim_at_the_same_moment_share_no_vault(database: Database):
    await fill_vaults(database, 6, 20)
    for _ in range(4):
        found = await asyncio.gather(*(worker(database).claim(NETWORK, 8) for _ in range(8)))
        taken = [each for items in found for each in vaults(items)]
        assert len(taken) == len(set(taken)), taken
        await asyncio.gather(*(worker(database).finish(items) for items in found))
        assert taken, "somebody claims"


async def test_who_claims_beside_another_signs_nothing_and_does_the_rest(database: Database):
    if database.is_sqlite:
        return  # writers take turns anyway
    await fill(database, 1, name="vlt_1", vault="vlt_1")
    async with database.write() as session:
        await enqueue(session, Work.BROADCAST, Subject("broadcast_0"), Clock()())
    async with database.write() as session, asyncio.timeout(30):
        assert await session.alone(f"lanes {NETWORK}")
        assert vaults(await worker(database).claim(NETWORK, 8)) == {"broadcast"}
    assert vaults(await worker(database).claim(NETWORK, 8)) == {"vlt_1"}


async def test_workers_share_the_vaults_of_a_backlog(database: Database):
    """Neither leaves the other without work, however often they come."""
    names = await fill_vaults(database, 6, 60)
    one, other = worker(database), worker(database)
    served: dict[int, set[str]] = {0: set(), 1: set()}
    held: dict[int, list[Item]] = {0: [], 1: []}
    for turn in range(12):
        me, outbox = turn % 2, (one, other)[turn % 2]
        await outbox.finish(held[me])
        held[me] = await outbox.claim(NETWORK, 16)
        assert len(held[me]) == 16, "as much as one may have"
        assert not vaults(held[0]) & vaults(held[1])
        served[me] |= vaults(held[me])
    assert served[0] | served[1] == set(names), "and each vault had its turn"


async def test_what_one_claim_holds_is_taken_at_once(database: Database):
    """Many vaults with little each are no backlog: one worker alone takes as much as before."""
    names = await fill_vaults(database, 20, 3)
    items = await worker(database).claim(NETWORK, 64)
    assert (len(items), vaults(items)) == (60, set(names))


async def test_more_vaults_than_turns_each_have_theirs(database: Database):
    """One worker alone; a flood of one delays none of them."""
    await fill(database, 300, name="flood", vault="vlt_00")
    for n in range(40):
        await fill(database, 1, name=f"one{n}", vault=f"vlt_{n + 1:02}")
    outbox = worker(database)
    taken: list[str] = []
    for _ in range(7):
        items = await outbox.claim(NETWORK, 16)
        assert len(items) == 16
        taken += [item.subject for item in items if item.subject.startswith("one")]
        await outbox.finish(items)
    assert sorted(taken) == sorted(f"one{n}_0" for n in range(40))


async def test_a_paused_vault_is_no_lane(database: Database, monkeypatch: pytest.MonkeyPatch):
    names = await fill_vaults(database, 3, 30)

    async def held_back(_: ReadSession) -> Paused:
        return Paused.of([(None, names[1])])

    monkeypatch.setattr("custody.workers.outbox.paused", held_back)
    outbox = worker(database)
    seen: set[str] = set()
    for _ in range(4):
        items = await outbox.claim(NETWORK, 8)
        seen |= vaults(items)
        await outbox.finish(items)
    assert seen == {names[0], names[2]}


async def test_which_vaults_a_worker_holds_is_found_in_an_index(database: Database):
    """However much waits: the database says how it would look."""
    await fill(database, 800)
    outbox = worker(database)
    held = await outbox.claim(NETWORK, 16)
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    engine = database._engines.write
    await analyze(database)
    event.listen(engine.sync_engine, "before_cursor_execute", note)
    await outbox.claim(NETWORK, 16)
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    ((statement, parameters),) = [each for each in asked if "DISTINCT" in each[0]]
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    async with engine.connect() as connection:
        if not database.is_sqlite:
            await connection.exec_driver_sql("SET enable_seqscan = off")
        found = await connection.exec_driver_sql(explain + statement, parameters)
        plan = "\n".join(str(each[-1]) for each in found)
    assert held
    assert "ix_outbox_claimed" in plan, plan


@pytest.mark.parametrize(
    ("free", "crowded", "taken"),
    [("", True, ""), ("a", True, "a"), ("abc", True, "ab"), ("abcd", True, "ab"),
     ("abcd", False, "abcd")],
)  # fmt: skip
def test_half_of_the_free_ones_is_enough_where_more_waits_than_one_can_do(
    free: str, crowded: bool, taken: str
):
    assert list(share(list(free), crowded=crowded)) == list(taken)
