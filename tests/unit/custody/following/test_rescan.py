"""Repairing what was missed: by range, by transaction, beside a running follower."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from chains.model import Address, TxId
from custody.db.session import Database
from custody.db.tables import CoinRow, VaultRow
from custody.deposits.states import DepositState
from custody.errors import Invalid, NotFound
from custody.following import readings
from custody.following.rescan import Rescan, Rescanned
from custody.vaults.watchlist import WatchList
from tests.support.custody import World
from tests.support.fake_codec import FakeInput, FakeOutput, FakeTx


def rescan(world: World) -> Rescan:
    return Rescan(
        world.database, world.ledger, world.network, world.adapter, world.clock, world.minimums
    )


async def that_missed(
    database: Database, alias: str = "bitcoin-regtest"
) -> tuple[World, VaultRow, TxId]:
    """A follower that overlooked block 3, which paid 5000 to the vault."""
    world = World(database, alias)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine(2)
    await world.follow()
    txid = await world.pay(address, 5_000)
    await world.node.mine()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WatchList, "movements", lambda self, found: [])
        await world.follow()
    assert await world.all_deposits() == []
    return world, vault, txid


async def spend(world: World, txid: TxId) -> None:
    """The missed coin leaves, in a way we know nothing of."""
    tx = FakeTx(
        world.network.id,
        (FakeInput(txid, 0, 5_000, Address("x"), None),),
        (FakeOutput(await world.node.outside_address(), world.native, 4_000),),
        1_000,
    )
    world.node.pool[tx.txid] = tx


@pytest.mark.parametrize("later", [0, 5, 90])
async def test_a_range_finds_what_was_missed(database: Database, later: int):
    """Also when the block is so old that the follower has forgotten it."""
    world, vault, _txid = await that_missed(database)
    await world.node.mine(later)
    await world.follow()
    done = await rescan(world).blocks(1, 3)
    (deposit,) = await world.all_deposits()
    assert done == Rescanned(deposits=[deposit.id], coins=1)
    assert deposit.state == ("credited" if later else "pending")
    assert deposit.block_height == 3
    again = await rescan(world).blocks(0, 3)
    assert again == Rescanned()
    await world.node.mine(2)
    await world.follow()
    assert (await world.balance(vault)).available == 5_000
    assert (await world.reconcile()).is_clean


async def test_what_was_read_before_the_start_is_on_record(database: Database):
    """With the blocks' hashes; and what lies between, nobody read."""
    world = World(database, "bitcoin-regtest", start_height=6)
    await world.node.mine(9)
    await world.follow()
    await rescan(world).blocks(1, 2)
    async with database.read() as session:
        found = await readings.ranges(session, world.network.id)
    assert [(each.first, each.last) for each in found] == [(1, 2), (6, 9)]
    hashes = [block.ref.hash for block in world.node.chain]
    assert [(each.parent_hash, each.last_hash) for each in found] == [
        (hashes[0], hashes[2]),
        (hashes[5], hashes[9]),
    ]
    await rescan(world).blocks(3, 5)
    async with database.read() as session:
        (whole,) = await readings.ranges(session, world.network.id)
    assert (whole.first, whole.last, whole.last_hash) == (1, 9, hashes[9])


async def test_a_transaction_finds_its_block(database: Database):
    world, _vault, txid = await that_missed(database, "ethereum-local")
    done = await rescan(world).transaction(txid)
    assert len(done.deposits) == 1
    await world.node.finalize()
    await world.follow()
    assert await world.deposit_states() == [(5_000, "credited")]


async def test_a_transaction_in_no_block(database: Database):
    world = World(database)
    await world.node.mine()
    await world.follow()
    with pytest.raises(NotFound) as refused:
        await rescan(world).transaction(TxId("00" * 32))
    assert refused.value.code == "transaction_not_in_block"


@pytest.mark.parametrize("later", [0, 25])
async def test_a_missed_coin_that_was_spent_since(database: Database, later: int):
    """The spending block lies above the range that was asked for, maybe chunks above."""
    world, _vault, txid = await that_missed(database)
    await world.node.mine(later)
    await spend(world, txid)
    await world.node.mine(2)
    await world.follow()
    await rescan(world).blocks(3, 3)
    assert await world.coins() == {5_000: 4 + later}


async def test_the_follower_knows_a_coin_that_a_rescan_found(database: Database):
    world, _vault, txid = await that_missed(database)
    await rescan(world).blocks(3, 3)
    await spend(world, txid)
    await world.node.mine()
    await world.follow()
    assert await world.coins() == {5_000: 4}


async def test_coins_alone_are_repaired(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 5_000)
    await world.node.mine(3)
    await world.follow()
    async with database.write() as session:
        await session.execute(delete(CoinRow))
    assert await rescan(world).blocks(0, 3) == Rescanned(coins=1)
    assert await world.coins() == {5_000: None}
    async with database.write() as session:
        await session.execute(update(CoinRow).values(spent_height=2))
    assert await rescan(world).blocks(0, 3) == Rescanned()


async def test_a_block_that_is_not_ours_is_skipped(database: Database):
    """The node has reorganised, the follower has not looked yet."""
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine(5)
    await world.follow()
    await world.node.reorg(2)
    await world.pay(address, 5_000)
    await world.node.reorg(1, replay=False)
    assert await rescan(world).blocks(2, 5) == Rescanned(skipped=[4, 5])
    await world.follow()
    assert await rescan(world).blocks(2, 5) == Rescanned()


@pytest.mark.parametrize(("first", "last"), [(3, 2), (-1, 2), (0, 6)])
async def test_heights_that_make_no_sense(database: Database, first: int, last: int):
    world = World(database)
    with pytest.raises(Invalid):
        await rescan(world).blocks(0, 0)  # nothing was followed yet
    await world.node.mine(5)
    await world.follow()
    with pytest.raises(Invalid) as refused:
        await rescan(world).blocks(first, last)
    assert refused.value.code == "height_invalid"


async def test_a_reversed_deposit_stays_reversed(database: Database):
    world = World(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 5_000)
    await world.node.mine(2)
    await world.follow()
    await world.node.reorg(2)
    world.node.pool.clear()
    await world.follow()
    assert await rescan(world).blocks(0, 3) == Rescanned()
    assert [row.state for row in await world.all_deposits()] == [DepositState.REVERSED]
