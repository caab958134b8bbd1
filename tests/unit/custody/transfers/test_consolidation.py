"""Many small coins become one, or a large one becomes several: nobody is paid, and only the fee is
gone from the books."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import select

from custody.db.session import Database
from custody.db.tables import CoinRow, DepositRow, VaultRow
from custody.errors import CustodyError
from tests.unit.custody.journal.test_restored import House
from tests.unit.custody.transfers.desk import Desk, total
from tests.unit.custody.transfers.life import ACCOUNT, COINS, Crash, crash_on, lease_over

SMALL, LARGE, FEE = 10_000, 5_000_000, 1_000


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


async def opened(desk: Desk, *amounts: int) -> tuple[VaultRow, str]:
    """With a coin for each amount; and its own address."""
    vault = await desk.open_funded(*amounts)
    desk.node.fee = FEE
    return vault, (await desk.addresses(vault))[0].address


async def coins(desk: Desk) -> list[int]:
    """Unspent, the smallest first."""
    unspent = select(CoinRow.amount).where(CoinRow.spent_height.is_(None))
    async with desk.database.read() as session:
        return sorted(await session.all(unspent.order_by(CoinRow.amount)))


async def refused(desk: Desk, vault: VaultRow, **asked) -> str:
    try:
        return (await desk.ask(vault, None, **asked)).body.decode()
    except CustodyError as error:
        return error.code


async def only_the_fee_is_gone(desk: Desk, vault: VaultRow, transfer: str, before: int) -> None:
    assert (await desk.settle(transfer)).state == "final"
    cost = total((await desk.newest(transfer)).costs)
    balance = await desk.balance(vault)
    assert (balance.available, balance.reserved, balance.pending) == (before - cost, 0, 0)
    assert cost == FEE
    assert (await desk.reconcile()).is_clean
    assert await desk.claims() == [] and await desk.outbox() == []


async def test_the_smallest_coins_become_one(desk: Desk):
    vault, own = await opened(desk, *[SMALL + n for n in range(5)], LARGE)
    transfer = await desk.send(vault, None, to=own, consolidate=4)
    row = await desk.transfer(transfer)
    merged = sum(SMALL + n for n in range(4)) - FEE
    assert (row.kind, row.amount) == ("consolidation", merged)
    await only_the_fee_is_gone(desk, vault, transfer, 5 * SMALL + 10 + LARGE)
    assert await coins(desk) == sorted([merged, SMALL + 4, LARGE])
    async with desk.database.read() as session:
        deposits = await session.all(select(DepositRow.id).order_by(DepositRow.id))
    assert len(deposits) == 6, "what stays ours is nobody's deposit"


async def test_what_was_made_is_spent_like_any_coin(desk: Desk):
    vault, own = await opened(desk, *[SMALL] * 4)
    await desk.settle(await desk.send(vault, None, to=own, consolidate=4))
    everything = await desk.send(vault, None, to=await desk.outside())
    assert (await desk.settle(everything)).state == "final"
    assert await coins(desk) == []
    assert (await desk.reconcile()).is_clean


async def test_the_largest_coin_becomes_several(desk: Desk):
    vault, own = await opened(desk, SMALL, LARGE)
    transfer = await desk.send(vault, None, to=own, split=3)
    assert (await desk.transfer(transfer)).kind == "splitting"
    await only_the_fee_is_gone(desk, vault, transfer, SMALL + LARGE)
    part, more = divmod(LARGE - FEE, 3)
    assert await coins(desk) == sorted([SMALL, *(part + (at < more) for at in range(3))])
    ids = [await desk.send(vault, SMALL, fee_max=FEE) for _ in range(3)]
    await desk.run_outbox()
    assert {await desk.phase(each) for each in ids} == {"broadcast"}, "side by side now"


async def test_a_coin_that_another_takes_meanwhile_is_replaced_by_the_next(desk: Desk):
    vault, own = await opened(desk, *[SMALL + n for n in range(4)])
    transfer = await desk.send(vault, None, to=own, consolidate=2)
    paid = await desk.send(vault, SMALL - 2 * FEE, fee_max=FEE)
    await desk.worker._driver.sign([paid])  # it takes the oldest
    await desk.run_outbox()
    for each in (paid, transfer):
        assert (await desk.settle(each)).state == "final"
    assert (await desk.reconcile()).is_clean


@pytest.mark.parametrize("call", ["claim", "prepare", "broadcast"])
async def test_whoever_dies_is_followed_by_the_same(desk: Desk, call: str):
    vault, own = await opened(desk, *[SMALL] * 4)
    transfer = await desk.send(vault, None, to=own, consolidate=4)
    desk.adapter.before = crash_on(call)
    with pytest.raises(Crash):
        await desk.run_outbox()
    desk.adapter.before = lambda name: None
    desk.restart()
    await lease_over(desk)
    await only_the_fee_is_gone(desk, vault, transfer, 4 * SMALL)
    assert await coins(desk) == [4 * SMALL - FEE]


async def test_a_block_that_goes_brings_nothing_twice(desk: Desk):
    vault, own = await opened(desk, *[SMALL] * 4)
    transfer = await desk.send(vault, None, to=own, consolidate=4)
    await desk.run_outbox()
    await desk.node.mine()
    await desk.work()
    await desk.node.reorg(1, replay=True)
    await desk.work()
    await only_the_fee_is_gone(desk, vault, transfer, 4 * SMALL)
    assert await coins(desk) == [4 * SMALL - FEE]


async def test_what_is_asked_for_has_to_make_sense(desk: Desk):
    vault, own = await opened(desk, SMALL)
    outside = await desk.outside()
    assert await refused(desk, vault, to=outside, consolidate=3) == "coins_elsewhere"
    assert await refused(desk, vault, to=outside, split=3) == "coins_elsewhere"
    assert await refused(desk, vault, to=own, consolidate=3) == "too_few_coins"
    assert await refused(desk, vault, to=own, consolidate=3, split=2) == "coins_not_whole"
    assert await refused(desk, vault, to=own) == "destination_in_same_vault"
    with pytest.raises(CustodyError) as part:
        await desk.ask(vault, 5_000, to=own, consolidate=3)
    assert part.value.code == "coins_not_whole"
    assert await desk.claims() == [] and await desk.outbox() == []


async def test_only_where_there_are_coins(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(LARGE)
    own = (await desk.addresses(vault))[0].address
    assert await refused(desk, vault, to=own, consolidate=3) == "not_consolidated_here"


@pytest.mark.parametrize(
    ("asked", "kind"), [("consolidate", "consolidation"), ("split", "splitting")]
)
async def test_what_was_forgotten_is_rebuilt_as_what_it_was(tmp_path, sqlite_url, asked, kind):
    desk = Desk(Database(sqlite_url), COINS)
    house = House(tmp_path.joinpath(sqlite_url.partition("///")[2]), desk)
    vault, own = await opened(desk, *[SMALL] * 4)
    house.back_up()
    transfer = await desk.send(vault, None, to=own, **{asked: 4})
    await desk.work()
    await house.restore()
    desk.node.fee = FEE
    await house.recover()
    assert (await desk.transfer(transfer)).kind == kind
    await only_the_fee_is_gone(desk, vault, transfer, 4 * SMALL)
    await desk.database.close()
