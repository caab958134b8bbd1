"""Priorities in the outbox: what goes first of one vault's work, on both databases. No other vault
feels them, and a flood of what is urgent does not keep the rest for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from custody.db.session import Database
from custody.db.tables import OutboxRow
from custody.outbox import Work, enqueue
from custody.transfers.priority import Priority, rank_of
from custody.workers.outbox import AGE_SHARE, Outbox
from tests.integration.test_outbox import NETWORK, Subject, by, subjects
from tests.support.custody import Clock

HIGH, NORMAL, LOW = (rank_of(each) for each in Priority)


async def fill(
    database: Database, name: str, count: int, rank: int = NORMAL, vault: str = "vlt_1"
) -> None:
    async with database.write() as session:
        for n in range(count):
            subject = Subject(f"{name}_{n}", NETWORK, vault)
            await enqueue(session, Work.SIGN, subject, Clock()(), rank)


async def test_what_is_urgent_is_in_the_next_set_whatever_waits(database: Database):
    await fill(database, "low", 40, LOW)
    await fill(database, "normal", 200)
    await fill(database, "high", 5, HIGH)
    first = subjects(await Outbox(database).claim(NETWORK, 16))
    assert first == [*(f"high_{n}" for n in range(5)), *(f"normal_{n}" for n in range(11))]


async def test_a_flood_of_what_is_urgent_keeps_nothing_for_ever(database: Database):
    """However fast it comes: one set in so many takes what waits longest."""
    await fill(database, "low", 1, LOW)
    await fill(database, "normal", 1)
    outbox, sets = Outbox(database), []
    for n in range(AGE_SHARE):
        await fill(database, f"high{n}", 16, HIGH)
        claimed = await outbox.claim(NETWORK, 16)
        sets.append(subjects(claimed))
        await outbox.finish(claimed)
    waited = [at for at, part in enumerate(sets) if {"low_0", "normal_0"} <= set(part)]
    assert waited == [AGE_SHARE - 1]
    assert all(len(part) == 16 for part in sets)


@pytest.mark.parametrize("attempts", [0, 1])
async def test_no_other_vault_feels_them(database: Database, attempts: int):
    """What others get of each set, and in which order, is the same as if all was as usual; also of
    what was tried before."""
    shares = []
    for rank in (NORMAL, HIGH):
        name = f"flood{rank}"
        await fill(database, "before", 30, vault=f"{name} a")
        await fill(database, name, 300, rank, vault=f"{name} b")
        await fill(database, "after", 30, vault=f"{name} c")
        async with database.write() as session:
            await session.execute(update(OutboxRow).values(attempts=attempts))
        outbox, got = Outbox(database), []
        for _ in range(5):
            claimed = await outbox.claim(NETWORK, 64 if attempts else 16)
            got.append([each for each in subjects(claimed) if not each.startswith("flood")])
            await outbox.finish(claimed)
        shares.append(got)
        while rest := await outbox.claim(NETWORK, 64):
            await outbox.finish(rest)
    usual, beside_a_flood = shares
    assert beside_a_flood == usual
    assert any("after" in each for part in usual[:2] for each in part)
    assert any("before" in each for part in usual for each in part)


async def test_what_is_tried_again_goes_by_them_too(database: Database):
    """As where many wait for a coin or a number: the first that may go is the most urgent."""
    clock = Clock()
    outbox = Outbox(database, now=by(clock), delay_share=lambda: 0.0)
    await fill(database, "stuck", 60)
    await fill(database, "high", 2, HIGH)
    while first := await outbox.claim(NETWORK, 16):
        await outbox.retry([(item, "coins_in_use", None) for item in first])
    clock.now += timedelta(hours=1)
    for _ in range(2):  # whichever of four claims this is, of two running one goes by rank
        again = await outbox.claim(NETWORK, 16)
        if subjects(again)[:2] == ["high_0", "high_1"]:
            return
        assert not {"high_0", "high_1"} & set(subjects(again))
    raise AssertionError("neither claim went by rank")


async def test_two_workers_share_what_is_urgent_and_take_nothing_twice(database: Database):
    for vault in ("a", "b"):
        await fill(database, f"normal {vault}", 20, vault=vault)
        await fill(database, f"high {vault}", 10, HIGH, vault=vault)
    claimed = subjects(await Outbox(database).claim(NETWORK, 16))
    claimed += subjects(await Outbox(database).claim(NETWORK, 16))
    assert len(set(claimed)) == 32
    assert {f"high {vault}_{n}" for vault in ("a", "b") for n in range(10)} <= set(claimed)
