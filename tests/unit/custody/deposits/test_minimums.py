"""Deposits that are too little to credit: kept, shown, and credited when they add up."""

from __future__ import annotations

import pytest

from chains.catalogue import built_in
from custody.catalogue import minimums
from custody.config import Settings
from custody.db.session import Database
from custody.errors import Invalid
from custody.following.rescan import Rescan
from custody.reconcile.verify import verify
from custody.rewind.service import Rewind
from custody.vaults.paying_repository import spendable
from custody.vaults.watchlist import WatchList
from tests.support.custody import World
from tests.support.networks import find_network

LEAST = 1_000
COINS, ACCOUNT = "bitcoin-regtest", "ethereum-local"
BOTH = pytest.mark.parametrize("alias", [COINS, ACCOUNT])


def world_of(database: Database, alias: str = COINS, least: int = LEAST) -> World:
    native = find_network(alias).native.id
    return World(database, alias, start_height=0, minimums={native: least})


async def final(world: World) -> None:
    """Everything that was paid so far."""
    await world.node.mine(3)
    await world.node.finalize()
    await world.follow()
    await adds_up(world)


async def adds_up(world: World) -> None:
    """The ledger equals the chain, and its own rows."""
    assert (await world.reconcile()).is_clean
    assert (await verify(world.database)).passed


@BOTH
async def test_too_little_waits_and_goes_with_what_comes_after(database: Database, alias: str):
    world = world_of(database, alias)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 400)
    await final(world)
    assert await world.deposit_states() == [(400, "below_minimum")]
    balance = await world.balance(vault)
    assert (balance.available, balance.pending) == (0, 400)
    await world.pay(address, 599)
    await final(world)
    assert await world.deposit_states() == [(400, "below_minimum"), (599, "below_minimum")]
    await world.pay(address, 1)
    await final(world)
    assert await world.deposit_states() == [(400, "credited"), (599, "credited"), (1, "credited")]
    balance = await world.balance(vault)
    assert (balance.available, balance.pending) == (1_000, 0)


async def test_a_coin_that_waits_is_not_spent(database: Database):
    """Where coins are chosen, too little is not there until it is credited."""
    world = world_of(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)

    async def offered() -> list[int]:
        async with database.read() as session:
            found = await spendable(session, world.network.id, vault.id)
        return sorted(coin.amount for coin, _ in found)

    await world.pay(address, 400)
    await final(world)
    assert await offered() == []
    await world.pay(address, 600)
    await final(world)
    assert await offered() == [400, 600]


async def test_addresses_do_not_count_together(database: Database):
    world = world_of(database)
    vault = await world.new_vault()
    first, second = await world.new_address(vault), await world.new_address(vault)
    await world.pay(first, 999)
    await world.pay(second, 1_000)
    await final(world)
    assert sorted(await world.deposit_states()) == [(999, "below_minimum"), (1_000, "credited")]


async def test_what_is_not_final_adds_nothing(database: Database):
    world = world_of(database)
    address = await world.new_address(await world.new_vault())
    await world.pay(address, 600)
    await final(world)
    await world.pay(address, 600)
    await world.node.mine(1)
    await world.follow()
    assert await world.deposit_states() == [(600, "below_minimum"), (600, "pending")]


async def test_a_reorg_takes_what_was_to_complete_it(database: Database):
    world = world_of(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 600)
    await final(world)
    await world.pay(address, 600)
    await world.node.mine(1)
    await world.follow()
    await world.node.reorg(1)
    world.node.pool.clear()
    await final(world)
    assert await world.deposit_states() == [(600, "below_minimum"), (600, "reversed")]
    balance = await world.balance(vault)
    assert (balance.available, balance.pending) == (0, 600)


async def test_what_waits_is_taken_back_with_its_block(database: Database):
    """Below what was final; nobody could spend it, so no vault is frozen for it."""
    world = world_of(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 600)
    await final(world)
    await world.node.reorg(len(world.node.chain) - 1)
    world.node.pool.clear()
    await final(world)
    assert await world.deposit_states() == [(600, "reversed")]
    assert not await world.frozen(vault)
    balance = await world.balance(vault)
    assert (balance.available, balance.pending) == (0, 0)


async def test_a_rewind_takes_back_what_waits_and_what_was_credited_with_it(database: Database):
    world = world_of(database)
    vault = await world.new_vault()
    first, second = await world.new_address(vault), await world.new_address(vault)
    await world.node.mine(2)
    await world.pay(first, 600)
    await world.pay(first, 600)
    await world.pay(second, 5)
    await world.node.mine(3)
    await world.follow()
    assert sorted(await world.deposit_states()) == [
        (5, "below_minimum"),
        (600, "credited"),
        (600, "credited"),
    ]
    await world.node.reorg(3)
    world.node.pool.clear()
    await world.node.mine(3)
    rewind = Rewind(
        database, world.ledger, world.network, world.adapter, world.clock, world.minimums
    )
    await rewind.apply(await rewind.plan())
    world.restart()
    await final(world)
    assert {state for _, state in await world.deposit_states()} == {"reversed"}
    balance = await world.balance(vault)
    assert (balance.available, balance.pending) == (0, 0)


async def test_a_rescan_counts_what_it_finds_with_what_waits(database: Database):
    world = world_of(database)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 600)
    await final(world)
    await world.pay(address, 300)
    await world.node.mine()
    missed = world.node.tip.height
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WatchList, "movements", lambda self, found: [])
        await world.follow()
    await world.pay(address, 100)
    await world.node.mine(3)
    await world.follow()
    assert await world.deposit_states() == [(600, "below_minimum"), (100, "below_minimum")]
    rescan = Rescan(
        database, world.ledger, world.network, world.adapter, world.clock, world.minimums
    )
    await rescan.blocks(missed, missed)
    assert {state for _, state in await world.deposit_states()} == {"credited"}
    await rescan.blocks(0, world.node.tip.height)
    assert (await world.balance(vault)).available == 1_000
    await adds_up(world)


async def test_a_smaller_minimum_counts_for_what_waits_already(database: Database):
    world = world_of(database)
    address = await world.new_address(await world.new_vault())
    await world.pay(address, 600)
    await final(world)
    later = World(database, COINS, start_height=0)
    later.node, later.adapter, later.clock = world.node, world.adapter, world.clock
    later.restart()
    await final(later)
    assert await later.deposit_states() == [(600, "credited")]


def test_a_minimum_of_an_asset_that_nobody_knows_is_refused():
    catalogue = built_in()
    asset = find_network(COINS).native.id
    known = Settings(deposit_minimum={asset: 5})
    assert minimums(known, catalogue) == {asset: 5}
    with pytest.raises(Invalid) as caught:
        minimums(Settings(deposit_minimum={"BTC": 5}), catalogue)
    assert caught.value.code == "asset_unknown"
