"""The operator's cap on the fees of a vault's day: what would exceed it waits, and goes on when the
day has passed or the cap is raised; a cancel never waits."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from chains.model import TxId
from custody.alarms.codes import AlarmCode
from custody.db.clock import database_now
from custody.db.session import Database, ReadSession
from custody.transactions.feecaps import service
from custody.transactions.feecaps.service import Standing, set_cap, standings
from tests.unit.custody.transfers.desk import ANYONE, Desk, total
from tests.unit.custody.transfers.life import ACCOUNT, FUNDS

MOST = 2_000
"""What the fake chain's bytes can take; they cost half of it."""


@pytest.fixture
def account(sqlite: Database) -> Desk:
    return Desk(sqlite, ACCOUNT)


async def cap(desk: Desk, vault: str, amount: int | None) -> Standing:
    async with desk.database.write() as session:
        return await set_cap(
            session, vault, desk.network.id, amount, "a test", desk.clock(), by="ada"
        )


async def used(desk: Desk, vault: str) -> int:
    async with desk.database.read() as session:
        (standing,) = await standings(session, vault)
    return standing.used


async def told(desk: Desk) -> bool:
    return AlarmCode.FEE_CAP_REACHED in [each.code for each in await desk.open_alarms()]


async def test_what_would_exceed_it_waits_until_it_is_raised(every: Desk):
    desk = every
    vault = await desk.open_funded(*[FUNDS // 4] * 4)
    first = await desk.send(vault, 1_000)
    await desk.work()
    (sent,) = await desk.transactions(first)
    await cap(desk, vault.id, None)
    most = await used(desk, vault.id)
    assert most > 0, "it counts from before there was a cap"
    await cap(desk, vault.id, most)
    second = await desk.send(vault, 1_000)
    await desk.run_outbox()
    row = await desk.transfer(second)
    assert (row.state, row.waiting) == ("approved", "fee_cap_reached")
    assert await told(desk)
    assert await desk.transactions(second) == []
    assert await used(desk, vault.id) == most, "what waits counts nothing"
    await cap(desk, vault.id, 10 * most)
    assert not await told(desk)
    assert await desk.worker.run_due() == 1, "it goes on at once"
    assert (await desk.settle(second)).state == "final"
    assert (await desk.settle(first)).state == "final"
    cost = sum([total((await desk.newest(each)).costs) for each in (first, second)])
    assert await used(desk, vault.id) == cost
    assert sent.state == "broadcast"


async def test_it_ends_by_itself_when_the_day_has_passed(
    account: Desk, monkeypatch: pytest.MonkeyPatch
):
    desk = account
    vault = await desk.open_funded(FUNDS)
    await cap(desk, vault.id, MOST)
    first, second = await desk.send(vault, 1_000), await desk.send(vault, 1_000)
    await desk.run_outbox()
    assert [await desk.phase(each) for each in (first, second)] == ["broadcast", "approved"]
    later = timedelta(hours=23, minutes=59)

    async def shown(session: ReadSession) -> datetime:
        return await database_now(session) + later

    monkeypatch.setattr(service, "database_now", shown)
    await desk.run_outbox()
    assert await desk.phase(second) == "approved"
    later = timedelta(hours=24, minutes=1)
    await desk.run_outbox()
    assert await desk.phase(second) == "broadcast"
    assert not await told(desk)


async def test_a_speed_up_is_judged_and_a_cancel_is_not(account: Desk):
    desk = account
    vault = await desk.open_funded(FUNDS)
    await cap(desk, vault.id, MOST)
    transfer = await desk.send(vault, 1_000)
    await desk.run_outbox()
    (slow,) = await desk.transactions(transfer)
    desk.node.fee = 1_500
    await desk.services.transfers.speed_up(transfer, ANYONE, slow.txid)  # type: ignore[arg-type]
    await desk.run_outbox()
    assert len(await desk.transactions(transfer)) == 1
    assert (await desk.transfer(transfer)).waiting == "fee_cap_reached"
    await desk.services.transfers.cancel(transfer, ANYONE)
    await desk.run_outbox()
    purposes = [each.purpose for each in await desk.transactions(transfer)]
    assert purposes[0] == "pay" and set(purposes[1:]) == {"cancel"}


async def test_the_operator_s_rule_pays_more_for_what_waits_only_under_the_cap(account: Desk):
    desk = account
    vault = await desk.open_funded(FUNDS)
    await cap(desk, vault.id, MOST)
    transfer = await desk.send(vault, 1_000, fee_max=10 * MOST)
    await desk.work()
    (slow,) = await desk.transactions(transfer)
    desk.worker._tracker._speed_up_after = {desk.network.id: 1}
    desk.node.fee = 1_500  # more than what waits offers: no block takes it
    desk.node.drop(TxId(slow.txid or ""))
    await desk.node.mine()
    for _ in range(3):  # however often the rule asks
        await desk.work()
    assert [each.id for each in await desk.transactions(transfer)] == [slow.id]
    row = await desk.transfer(transfer)
    assert (row.state, row.waiting) == ("in_flight", "fee_cap_reached")
    assert await told(desk)
    await cap(desk, vault.id, 10 * MOST)
    await desk.run_outbox()
    found = await desk.transactions(transfer)
    assert [each.replaces for each in found] == [None, slow.id]
    assert await used(desk, vault.id) <= 10 * MOST
    desk.worker._tracker._speed_up_after = {}
    assert (await desk.settle(transfer)).state == "final"
    assert await desk.received(transfer) == 1_000


async def test_of_two_in_one_set_only_what_fits_is_built_and_each_vault_has_its_own(account: Desk):
    desk = account
    vault, other = await desk.open_funded(FUNDS), await desk.new_vault()
    await desk.fund(other, FUNDS)
    await cap(desk, vault.id, MOST)
    mine = [await desk.send(vault, 1_000) for _ in range(2)]
    theirs = await desk.send(other, 1_000)
    await desk.worker.run_due()
    assert sorted([await desk.state(each) for each in mine]) == ["approved", "in_flight"]
    assert await desk.state(theirs) == "in_flight"
    assert len(await desk.claims()) == 2, "what waits keeps no number"
