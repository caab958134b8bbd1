"""What was sent for several transfers at once, and waits: paid more for, called off, rebuilt."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chains.costs import CostKind
from chains.model import TxId
from custody.db.session import Database
from custody.errors import Conflict
from custody.transactions import building
from custody.transactions.planners import replacement
from signer.wire import RefusalCode
from tests.unit.custody.journal.test_restored import House
from tests.unit.custody.transactions.test_batches import fees_of, together
from tests.unit.custody.transfers.desk import ANYONE, Desk, total
from tests.unit.custody.transfers.life import COINS, FUNDS, Crash, crash_on, lease_over

COUNT = 3
FEE = 1_003


@pytest.fixture(autouse=True)
def planners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "PLANNERS", (together, replacement.plan))


@pytest_asyncio.fixture(
    params=[
        pytest.param("sqlite", marks=pytest.mark.database),
        pytest.param("postgresql", marks=[pytest.mark.database, pytest.mark.postgres]),
    ]
)
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    kind = "postgres_url" if request.param == "postgresql" else "sqlite_url"
    database = Database(request.getfixturevalue(kind))
    yield Desk(database, COINS)
    await database.close()


async def sent(desk: Desk, *, fee_max: int = 5 * FEE) -> list[str]:
    """Transfers whose one transaction waits in the pool, in the order of their ids."""
    vault = await desk.open_funded(FUNDS)
    ids = [await desk.send(vault, 1_000 + n, fee_max=fee_max) for n in range(COUNT)]
    desk.node.fee = FEE
    await desk.work()
    assert {await desk.phase(each) for each in ids} == {"broadcast"}
    assert len({(await desk.newest(each)).id for each in ids}) == 1
    return sorted(ids)


async def speed_up(desk: Desk, transfer_id: str) -> None:
    newest = await desk.newest(transfer_id)
    await desk.services.transfers.speed_up(transfer_id, ANYONE, TxId(newest.txid or ""))


async def all_paid(desk: Desk, ids: list[str]) -> None:
    """By one transaction, whose costs are shared to the unit; nothing is left."""
    for each in ids:
        assert (await desk.settle(each)).state == "final"
    (carrying,) = {(await desk.newest(each)).id for each in ids}
    assert sorted([await desk.received(each) for each in ids]) == [1_000, 1_001, 1_002], carrying
    cost = total((await desk.newest(ids[0])).costs)
    fees = [await fees_of(desk, each) for each in ids]
    assert sum(fees) == cost and fees == sorted(fees, reverse=True) and fees[0] - fees[-1] <= 1
    assert await desk.claims() == [] and await desk.outbox() == []
    assert (await desk.reconcile()).is_clean


async def test_one_that_is_sped_up_takes_all_with_it(desk: Desk):
    ids = await sent(desk)
    for each in ids[:2]:  # both ask, and there is one replacement
        await speed_up(desk, each)
    await desk.work()
    for each in ids:
        first, second = await desk.transactions(each)
        assert (second.purpose, second.replaces, second.state) == ("pay", first.id, "broadcast")
    await all_paid(desk, ids)


async def test_a_share_above_its_own_bound_keeps_it_waiting(desk: Desk):
    """Nobody pays for another's speed, and nobody is left behind: the terms are raised, and all
    go."""
    vault = await desk.open_funded(FUNDS)
    bounds = (400, 9_000, 9_000)
    made = [await desk.send(vault, 1_000 + n, fee_max=most) for n, most in enumerate(bounds)]
    desk.node.fee = FEE
    await desk.work()
    desk.node.fee = 3 * 400 + 3
    await speed_up(desk, made[1])
    await desk.run_outbox()
    assert [len(await desk.transactions(each)) for each in made] == [1, 1, 1]
    assert {(await desk.transfer(each)).waiting for each in made} == {"fee_above_maximum"}
    await desk.services.versions.raise_costs(made[0], ANYONE, {CostKind.FEE: 9_000})
    await desk.work()
    assert [len(await desk.transactions(each)) for each in made] == [2, 2, 2]
    await all_paid(desk, sorted(made))


async def test_calling_one_off_calls_all_off_and_has_to_be_meant(desk: Desk):
    ids = await sent(desk)
    with pytest.raises(Conflict) as refused:
        await desk.services.transfers.cancel(ids[0], ANYONE)
    assert refused.value.code == "transaction_shared"
    assert all(each in str(refused.value) for each in ids[1:])
    assert await desk.outbox() == []
    await desk.services.transfers.cancel(ids[0], ANYONE, together=True)
    await desk.work()
    for _ in range(8):
        await desk.node.mine()
        await desk.node.finalize()
        await desk.work()
    assert {await desk.state(each) for each in ids} == {"cancelled"}
    assert [await desk.received(each) for each in ids] == [0, 0, 0]
    (cancel,) = {(await desk.newest(each)).id for each in ids}
    row = await desk.newest(ids[0])
    assert (row.purpose, row.id) == ("cancel", cancel)
    assert sum([await fees_of(desk, each) for each in ids]) == total(row.costs) > 0
    assert await desk.claims() == [] and await desk.outbox() == []
    assert (await desk.reconcile()).is_clean


@pytest.mark.parametrize("call", ["claim", "prepare", "sign"])
async def test_whoever_dies_while_replacing_is_followed_by_the_same(desk: Desk, call: str):
    ids = await sent(desk)
    await speed_up(desk, ids[1])
    if call == "sign":
        desk.signer.refuse = [(RefusalCode.UNAVAILABLE, "journal")]
        await desk.worker.run_due()
        desk.signer.refuse = []
    else:
        desk.adapter.before = crash_on(call)
        with pytest.raises(Crash):
            await desk.work()
        desk.adapter.before = lambda name: None
    desk.restart()
    await lease_over(desk)
    await desk.work()
    assert {len(await desk.transactions(each)) for each in ids} == {2}
    await all_paid(desk, ids)


async def test_the_first_one_that_comes_in_after_all_pays_all(desk: Desk):
    ids = await sent(desk)
    first = await desk.newest(ids[0])
    await desk.node.mine()
    await speed_up_anyway(desk, ids[0])
    await desk.work()
    assert {(await desk.newest(each)).id for each in ids} == {first.id}
    await all_paid(desk, ids)


async def speed_up_anyway(desk: Desk, transfer_id: str) -> None:
    """It was asked for before the block was seen."""
    await speed_up(desk, transfer_id)
    await desk.track()


@pytest.mark.parametrize("purpose", ["pay", "speed_up", "cancel"])
async def test_what_is_forgotten_is_rebuilt_as_one(tmp_path, sqlite_url, purpose: str):
    house = House(
        file=tmp_path.joinpath(sqlite_url.partition("///")[2]),
        desk=Desk(Database(sqlite_url), COINS),
    )
    desk = house.desk
    vault = await desk.open_funded(FUNDS)
    desk.node.fee = FEE
    house.back_up()
    ids = sorted([await house.pay(vault, f"k{n}", 1_000 + n) for n in range(COUNT)])
    await desk.work()
    if purpose == "speed_up":
        await speed_up(desk, ids[0])
    if purpose == "cancel":
        await desk.services.transfers.cancel(ids[0], ANYONE, together=True)
    await desk.work()
    signed = len(await desk.transactions(ids[0]))
    assert signed == (1 if purpose == "pay" else 2)
    await house.restore()
    desk.node.fee = FEE
    _, done = await house.recover()
    assert (done.transfers, done.signatures) == (COUNT * signed, signed)
    for each in ids:
        assert [row.id for row in await desk.transactions(each)] == [
            row.id for row in await desk.transactions(ids[0])
        ]
    await house.live(12)
    said = {await desk.state(each) for each in ids}
    received = sum(await house.received())
    assert (said, received) == (({"cancelled"}, 0) if purpose == "cancel" else ({"final"}, 3_003))
    cost = total((await desk.newest(ids[0])).costs)
    assert sum([await fees_of(desk, each) for each in ids]) == cost > 0
    assert (await desk.reconcile()).is_clean
    assert await desk.claims() == [] and await desk.open_alarms() == []
    await desk.database.close()
