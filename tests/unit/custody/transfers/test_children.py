"""A coin that is in no block yet is spent to its own vault, so that what made it gets into one: a
stranger's payment that pays too little for itself, or our own, whose replacement is too dear."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import select

from chains.model import Address, TxId
from custody.db.session import Database
from custody.db.tables import DepositRow, VaultRow
from custody.quarantine.service import hold, release
from custody.vaults.paying import spendable_coins
from tests.support.fake_codec import FakeOutput, FakeTx
from tests.unit.custody.transfers.desk import ANYONE, Desk, total
from tests.unit.custody.transfers.life import ACCOUNT, COINS, Crash, crash_on, lease_over
from tests.unit.custody.transfers.test_consolidation import coins, refused

FUNDS, ARRIVING, FEE = 100_000, 60_000, 1_000


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


async def stuck(desk: Desk, funds: int = FUNDS) -> tuple[VaultRow, str, TxId]:
    """With money, an address, and a payment to it that waits in the pool."""
    vault = await desk.open_funded(funds)
    desk.node.fee = FEE
    own = (await desk.addresses(vault))[0].address
    return vault, own, await desk.node.fund(Address(own), ARRIVING)


async def child(desk: Desk, vault: VaultRow, own: str, parent: TxId) -> str:
    return await desk.send(vault, None, to=own, child_of=parent)


def replace_outside(desk: Desk, parent: TxId) -> None:
    """Whoever pays us pays somebody else instead, with the same coin."""
    spent = desk.node.pool[parent].inputs
    out = FakeOutput(Address("elsewhere"), desk.native, ARRIVING)
    rival = FakeTx(desk.node.network, spent, (out,), 2 * FEE, nonce=1)
    del desk.node.pool[parent]
    desk.node.pool[rival.txid] = rival


async def all_in(desk: Desk, vault: VaultRow, *, gone: int, funds: int = FUNDS) -> None:
    """Books equal to the chain: what was there, what came, and only fees are gone."""
    balance = await desk.balance(vault)
    there = (balance.available, balance.reserved, balance.pending)
    assert there == (funds + ARRIVING - gone, 0, 0)
    assert (await desk.reconcile()).is_clean
    assert await desk.claims() == [] and await desk.outbox() == []


async def test_a_stranger_s_payment_is_paid_for_and_both_are_in_one_block(desk: Desk):
    vault, own, parent = await stuck(desk)
    transfer = await child(desk, vault, own, parent)
    row = await desk.transfer(transfer)
    assert (row.kind, row.amount) == ("child", ARRIVING - FEE)
    await desk.work()
    newest = await desk.newest(transfer)
    assert [each.txid for each in desk.node.pool[TxId(newest.txid or "")].inputs] == [parent]
    assert (await desk.settle(transfer)).state == "final"
    assert total((await desk.newest(transfer)).costs) == FEE
    await all_in(desk, vault, gone=FEE)
    assert await coins(desk) == [ARRIVING - FEE, FUNDS]
    async with desk.database.read() as session:
        deposits = await session.all(select(DepositRow.id).order_by(DepositRow.id))
    assert len(deposits) == 2, "what the child brings is nobody's deposit"


async def test_little_money_in_the_books_is_enough_for_its_fee(desk: Desk):
    """The rest of the coin comes back as change."""
    vault, own, parent = await stuck(desk, funds=5_000)
    transfer = await child(desk, vault, own, parent)
    assert (await desk.transfer(transfer)).amount == 5_000 - FEE
    assert (await desk.settle(transfer)).state == "final"
    await all_in(desk, vault, gone=FEE, funds=5_000)


async def test_it_dies_with_its_parent_and_frees_what_it_held(desk: Desk):
    vault, own, parent = await stuck(desk)
    transfer = await child(desk, vault, own, parent)
    await desk.work()
    assert await desk.phase(transfer) == "broadcast"
    replace_outside(desk, parent)
    row = await desk.settle(transfer)
    assert (row.state, (await desk.newest(transfer)).state) == ("failed", "dead")
    balance = await desk.balance(vault)
    assert (balance.available, balance.reserved) == (FUNDS, 0)
    assert await desk.claims() == []
    desk.node.pool.clear()
    await desk.work()
    assert (await desk.reconcile()).is_clean


async def test_it_lives_while_only_a_block_is_undone(desk: Desk):
    vault, own, parent = await stuck(desk)
    transfer = await child(desk, vault, own, parent)
    await desk.work()
    await desk.node.mine()
    await desk.work()
    assert await desk.phase(transfer) == "included"
    await desk.node.reorg(1)
    await desk.work()
    assert (await desk.settle(transfer)).state == "final"
    await all_in(desk, vault, gone=FEE)


async def test_an_undone_block_and_another_payment_kill_it_too(desk: Desk):
    vault, own, parent = await stuck(desk)
    transfer = await child(desk, vault, own, parent)
    await desk.work()
    await desk.node.mine()
    await desk.work()
    await desk.node.reorg(1)
    replace_outside(desk, parent)
    assert (await desk.settle(transfer)).state == "failed"
    assert (await desk.balance(vault)).available == FUNDS


async def test_what_it_makes_is_not_spent_before_the_deposit_is_credited(desk: Desk):
    vault, own, parent = await stuck(desk)
    transfer = await child(desk, vault, own, parent)
    await desk.work()
    await desk.node.mine()
    await desk.work()
    assert await desk.phase(transfer) == "included"
    async with desk.database.write() as session:
        (deposit,) = await session.all(select(DepositRow.id).where(DepositRow.txid == parent))
        held = desk.services.held
        await hold(session, held, deposit, "where is it from?", desk.clock(), by="somebody")
    assert (await desk.settle(transfer)).state == "final"
    assert (await desk.reconcile()).is_clean
    assert await spendable(desk, vault) == [FUNDS], "what is held pays for nobody"
    async with desk.database.write() as session:
        await release(session, held, deposit, "asked them", desk.clock(), by="somebody")
    assert await spendable(desk, vault) == [ARRIVING - FEE, FUNDS]


async def spendable(desk: Desk, vault: VaultRow) -> list[int]:
    async with desk.database.read() as session:
        found = await spendable_coins(session, desk.network.id, vault.id, frozenset())
    return sorted(each.amount for each in found)


async def test_our_own_payment_is_hastened_by_its_change(desk: Desk):
    vault, own, stray = await stuck(desk)
    desk.node.drop(stray)
    slow = await desk.send(vault, 20_000, fee_max=FEE)
    await desk.work()
    txid = TxId((await desk.newest(slow)).txid or "")
    transfer = await child(desk, vault, own, txid)
    assert (await desk.transfer(transfer)).amount == FUNDS - 20_000 - 2 * FEE
    assert (await desk.settle(transfer)).state == "final"
    assert await desk.state(slow) == "final"
    await all_in(desk, vault, gone=20_000 + 2 * FEE + ARRIVING)
    assert await coins(desk) == [FUNDS - 20_000 - 2 * FEE]
    everything = await desk.send(vault, None, to=await desk.outside())
    assert (await desk.settle(everything)).state == "final", "own change may be spent at once"


async def test_it_dies_with_our_own_payment_when_that_is_replaced(desk: Desk):
    vault, own, stray = await stuck(desk)
    desk.node.drop(stray)
    slow = await desk.send(vault, 20_000, fee_max=5 * FEE)
    await desk.work()
    txid = TxId((await desk.newest(slow)).txid or "")
    transfer = await child(desk, vault, own, txid)
    await desk.work()
    await desk.services.transfers.speed_up(slow, ANYONE, txid)
    await desk.work()
    assert (await desk.settle(slow)).state == "final"
    assert (await desk.settle(transfer)).state == "failed"
    assert (await desk.balance(vault)).reserved == 0
    assert await desk.claims() == []
    assert (await desk.reconcile()).is_clean


@pytest.mark.parametrize("call", ["claim", "prepare", "broadcast"])
async def test_whoever_dies_is_followed_by_the_same(desk: Desk, call: str):
    vault, own, parent = await stuck(desk)
    transfer = await child(desk, vault, own, parent)
    desk.adapter.before = crash_on(call)
    with pytest.raises(Crash):
        await desk.run_outbox()
    desk.adapter.before = lambda name: None
    desk.restart()
    await lease_over(desk)
    assert (await desk.settle(transfer)).state == "final"
    await all_in(desk, vault, gone=FEE)


async def test_nothing_is_built_for_what_is_in_a_block_by_then(desk: Desk):
    vault, own, parent = await stuck(desk)
    transfer = await child(desk, vault, own, parent)
    await desk.node.mine()
    await desk.work()
    row = await desk.transfer(transfer)
    assert row.state == "denied" and (row.reason or "").startswith("nothing_to_hasten")
    balance = await desk.balance(vault)
    assert (balance.available, balance.reserved) == (FUNDS, 0)
    assert await desk.claims() == []


async def test_what_is_asked_for_has_to_make_sense(desk: Desk):
    vault, own, parent = await stuck(desk)
    elsewhere = await desk.node.fund(Address(await desk.outside()), ARRIVING)
    outside = await desk.outside()
    assert await refused(desk, vault, to=outside, child_of=parent) == "coins_elsewhere"
    assert await refused(desk, vault, to=own, child_of=elsewhere) == "nothing_to_hasten"
    assert await refused(desk, vault, to=own, child_of=TxId("ab" * 32)) == "nothing_to_hasten"
    assert await refused(desk, vault, to=own, child_of=parent, split=2) == "coins_not_whole"
    too_little = await refused(desk, vault, to=own, child_of=parent, fee_max=FEE - 1)
    assert too_little == "fee_above_maximum"
    await child(desk, vault, own, parent)
    assert await refused(desk, vault, to=own, child_of=parent) == "child_under_way"


async def test_what_a_stranger_s_parent_lacks_is_bounded_by_the_network_s_own_bound(desk: Desk):
    vault, own, parent = await stuck(desk)
    desk.node.fee = 10**6
    assert await refused(desk, vault, to=own, child_of=parent) == "fee_above_maximum"


async def test_only_where_there_are_coins(sqlite: Database):
    desk = Desk(sqlite, ACCOUNT)
    vault = await desk.open_funded(FUNDS)
    own = (await desk.addresses(vault))[0].address
    answer = await refused(desk, vault, to=own, child_of=TxId("ab" * 32))
    assert answer == "not_consolidated_here"
