"""Assets that nobody listed: set apart, no money, and deposits once they are listed and read."""

from __future__ import annotations

from chains.catalogue import built_in
from chains.model import Address, AssetId
from chains.networks import Network
from custody.db.session import Database
from custody.db.sighting_tables import UnlistedRow
from custody.db.tables import VaultRow
from custody.following import sighting_repository
from custody.following.rescan import Rescan
from tests.support.custody import World
from tests.support.networks import find_network
from tests.support.rows import listing, token_row

ALIAS = "ethereum-local"
NETWORK = find_network(ALIAS)
TOKEN = AssetId(token_row(NETWORK.id)["id"])
FAKE = AssetId(f"{NETWORK.id}/erc20:0x3535353535353535353535353535353535353535")


async def started(
    database: Database, network: Network = NETWORK
) -> tuple[World, VaultRow, Address]:
    world = World(database, network)
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine()
    await world.follow()
    return world, vault, Address(address.address)


async def unlisted(world: World) -> list[UnlistedRow]:
    async with world.database.read() as session:
        return list(await sighting_repository.unlisted(session, NETWORK.id))


async def test_what_nobody_listed_is_shown_and_is_no_money(database: Database) -> None:
    world, vault, address = await started(database)
    txid = await world.node.fund(address, 500, asset=FAKE)
    await world.node.mine(5)
    await world.follow()
    assert await world.all_deposits() == []
    assert await world.entries() == []
    (row,) = await unlisted(world)
    assert (row.txid, row.asset, row.amount) == (txid, FAKE, 500)
    assert (row.vault_id, row.client_id, row.address) == (vault.id, vault.client_id, address)


async def test_that_it_left_freezes_nobody(database: Database) -> None:
    """A contract may log that an address of ours paid, and be called by anybody."""
    world, vault, address = await started(database)
    await world.node.fund(address, 500, asset=FAKE)
    await world.node.mine()
    await world.node.pull(address, 100, asset=FAKE)
    await world.node.mine(5)
    await world.follow()
    assert await world.frozen(vault) is None
    assert await world.alarms() == []
    assert [row.amount for row in await unlisted(world)] == [500]


async def test_a_listed_token_is_a_deposit_and_is_not_set_apart(database: Database) -> None:
    world, _vault, address = await started(database, listing(ALIAS))
    await world.node.fund(address, 500, asset=TOKEN)
    await world.node.mine(5)
    await world.follow()
    (deposit,) = await world.all_deposits()
    assert (deposit.asset, deposit.amount) == (TOKEN, 500)
    assert await unlisted(world) == []


async def test_what_an_undone_block_showed_is_gone_with_it(database: Database) -> None:
    world, _vault, address = await started(database)
    await world.node.fund(address, 500, asset=FAKE)
    await world.node.mine()
    await world.follow()
    assert len(await unlisted(world)) == 1
    await world.node.reorg(1)
    await world.follow()
    assert await unlisted(world) == []


async def test_a_token_that_is_listed_later_is_credited_by_a_rescan(database: Database) -> None:
    world, _vault, address = await started(database)
    await world.node.fund(address, 500, asset=TOKEN)
    await world.node.fund(address, 7, asset=FAKE)
    await world.node.mine(5)
    await world.follow()
    assert sorted(row.amount for row in await unlisted(world)) == [7, 500]
    with_token = built_in().with_rows([], [token_row(NETWORK.id)]).networks[NETWORK.id]
    rescan = Rescan(
        world.database, world.ledger, with_token, world.adapter, world.clock, world.minimums
    )
    for once in (True, False):
        done = await rescan.blocks(1, 3)
        assert len(done.deposits) == once
        (deposit,) = await world.all_deposits()
        assert (deposit.asset, deposit.amount) == (TOKEN, 500)
        assert [row.amount for row in await unlisted(world)] == [7]


async def test_more_than_the_books_can_add_up_is_no_money(database: Database) -> None:
    """A listed contract that says so stops no follower: what comes after it is credited."""
    world, vault, address = await started(database, listing(ALIAS))
    for amount in (2**256 - 1, 2**256 - 1, 500):
        await world.node.fund(address, amount, asset=TOKEN)
    await world.node.mine()
    await world.node.pull(address, 2**255, asset=TOKEN)
    await world.node.mine(5)
    await world.follow()
    assert [row.amount for row in await world.all_deposits()] == [500]
    assert [row.amount for row in await unlisted(world)] == [2**256 - 1] * 2
    assert await world.frozen(vault) is None
