"""The same amount to the same payee again: accepted with a warning, or refused if that is wanted,
also when both requests come at the same moment."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from custody.db.look import Quick
from custody.db.session import Database
from custody.db.tables import VaultRow
from custody.errors import Conflict
from custody.transfers.duplicates import Duplicates
from custody.transfers.request import Output
from tests.unit.custody.transfers.desk import ANYONE, Desk
from tests.unit.custody.transfers.life import ACCOUNT, COINS, FUNDS

DAY = timedelta(hours=24)
Warnings = list[tuple[str, str, datetime]]


async def opened(database: Database, alias: str = ACCOUNT, window: timedelta = DAY) -> Desk:
    """A desk whose database's clock is its own."""
    desk = Desk(database, alias)

    async def now(_: Quick) -> datetime:
        return desk.clock()

    desk.services.transfers._duplicates = Duplicates(window, now)
    return desk


async def warnings(desk: Desk, transfer_id: str) -> Warnings:
    async with desk.database.read() as session:
        found, _ = await desk.services.transfers.get(session, transfer_id, ANYONE)
    return [(each.code, each.other, each.at) for each in found.warnings]


async def test_the_second_says_which_one_is_the_same(database: Database):
    desk = await opened(database)
    vault, payee = await desk.open_funded(FUNDS), await desk.outside()
    first = await desk.send(vault, 1_000, to=payee)
    at = desk.clock()
    desk.clock.forward(seconds=60)
    second = await desk.send(vault, 1_000, to=payee)
    third = await desk.send(vault, 1_000, to=payee)
    assert await warnings(desk, first) == []
    assert await warnings(desk, second) == [("same_payee_and_amount", first, at)]
    assert [other for _, other, _ in await warnings(desk, third)] == [second]
    assert await desk.state(second) == "approved", "it is accepted all the same"


async def test_what_differs_or_was_long_ago_or_paid_nobody_is_no_duplicate(database: Database):
    desk = await opened(database)
    vault, other = [await desk.open_funded(FUNDS) for _ in range(2)]
    payee = await desk.outside()
    first = await desk.send(vault, 1_000, to=payee)
    for which, amount, to in (
        (vault, 1_001, payee),
        (vault, 1_000, await desk.outside()),
        (other, 1_000, payee),
    ):
        assert await warnings(desk, await desk.send(which, amount, to=to)) == []
    await desk.services.transfers.cancel(first, ANYONE)
    again = await desk.send(vault, 1_000, to=payee)
    assert await warnings(desk, again) == []
    desk.clock.now += DAY
    assert await warnings(desk, await desk.send(vault, 1_000, to=payee)) == []
    desk.services.transfers._duplicates = Duplicates(timedelta())
    assert await warnings(desk, await desk.send(vault, 1_000, to=payee)) == []


async def test_who_wants_it_is_refused_and_nothing_is_changed(database: Database):
    desk = await opened(database)
    vault, payee = await desk.open_funded(FUNDS), await desk.outside()
    first = await desk.send(vault, 1_000, to=payee, key="first", reject_duplicates=True)
    before = await desk.counts()
    with pytest.raises(Conflict) as refused:
        await desk.ask(vault, 1_000, to=payee, key="second", reject_duplicates=True)
    assert (refused.value.code, refused.value.named) == (
        "duplicate_payment",
        {"transfer_id": first},
    )
    assert await desk.counts() == before
    replayed = await desk.ask(vault, 1_000, to=payee, key="first", reject_duplicates=True)
    assert (replayed.status, replayed.body.decode(), replayed.replayed) == (201, first, True)


@pytest.mark.parametrize("reject", [False, True])
async def test_of_two_at_the_same_moment_one_sees_the_other(database: Database, reject: bool):
    desk = await opened(database)
    vault, payee = await desk.open_funded(FUNDS), await desk.outside()

    async def ask(_: int) -> str | None:
        try:
            return await desk.send(vault, 1_000, to=payee, reject_duplicates=reject)
        except Conflict:
            return None

    made = await asyncio.gather(*map(ask, range(6)))
    accepted = [each for each in made if each is not None]
    warned = [each for each in accepted if await warnings(desk, each)]
    assert (len(accepted), len(warned)) == ((1, 0) if reject else (6, 5))


async def test_an_output_is_a_payment_too(database: Database):
    desk = await opened(database, COINS)
    vault: VaultRow = await desk.open_funded(FUNDS)
    payee, other = await desk.outside(), await desk.outside()
    single = await desk.send(vault, 1_000, to=payee)
    several = await desk.send(vault, 0, outputs=(Output(other, 700), Output(payee, 1_000)))
    assert [other for _, other, _ in await warnings(desk, several)] == [single]
    desk.clock.forward(seconds=60)
    later = await desk.send(vault, 700, to=other)
    assert [other for _, other, _ in await warnings(desk, later)] == [several]
