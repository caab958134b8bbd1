"""When a block is final: by the node's word, by confirmations, by whichever reaches further."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from chains.model import BlockRef
from chains.networks import Environment, Finality
from custody.db.session import Database
from custody.db.tables import FollowerRow
from custody.following.finality import Final, ProvenBy, credit_height, final_height, newest_final
from tests.support.custody import World
from tests.support.networks import all_networks, find_network

BITCOIN, ETHEREUM, BSC = (find_network(name) for name in ("bitcoin", "ethereum", "bsc"))
TIP = BlockRef(1000, "tip")
NODE, CONFIRMATIONS = ProvenBy.NODE, ProvenBy.CONFIRMATIONS


@pytest.mark.parametrize(
    ("network", "position", "finalized", "expected"),
    [
        (BITCOIN, TIP, None, Final(995, CONFIRMATIONS)),
        (BITCOIN, BlockRef(4, "tip"), None, None),
        (BITCOIN, TIP, BlockRef(999, "ours"), Final(995, CONFIRMATIONS)),
        (ETHEREUM, TIP, BlockRef(930, "ours"), Final(930, NODE)),
        (ETHEREUM, TIP, None, None),
        (ETHEREUM, TIP, BlockRef(930, "another branch"), None),
        (BSC, TIP, BlockRef(998, "ours"), Final(998, NODE)),
        (BSC, TIP, None, Final(761, CONFIRMATIONS)),
        (BSC, TIP, BlockRef(998, "another branch"), Final(761, CONFIRMATIONS)),
        (BSC, TIP, BlockRef(0, "ours"), Final(761, CONFIRMATIONS)),
        (BSC, BlockRef(238, "tip"), None, None),
        (BSC, None, BlockRef(998, "ours"), None),
    ],
)
def test_newest_final(network, position, finalized, expected):
    hashes = {} if finalized is None else {finalized.height: "ours"}
    assert newest_final(network, position, finalized, hashes) == expected


def test_a_deposit_counts_what_its_network_counts():
    assert final_height(BITCOIN, 100, None) == 105
    assert final_height(BITCOIN, 100, 200) == 200
    assert credit_height(BITCOIN, TIP, 995) == 1000
    assert final_height(BSC, 100, None) == 100
    assert credit_height(BSC, TIP, 761) == 761
    assert credit_height(ETHEREUM, TIP, None) is None


def test_something_must_be_able_to_make_a_block_final():
    with pytest.raises(AssertionError):
        Finality(node=False, confirmations=None)


def test_the_numbers_of_the_main_networks():
    """Each with its source in networks.toml; a change here is a decision about money."""
    found = {
        network.alias: (network.finality.node, network.finality.confirmations, network.follow_depth)
        for network in all_networks().values()
        if network.environment is Environment.MAIN
    }
    assert found == {
        "bitcoin": (False, 6, 100),
        "ethereum": (True, None, 200),
        "bsc": (True, 240, 600),
        "tron": (True, None, 100),
        "solana": (True, None, 300),
    }


async def test_one_validators_turn_on_bsc_credits_nothing(database: Database):
    """BEP-619: sixteen blocks in a row are one validator's, and the next may build beside them."""
    world = World(database, "bsc")
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.node.mine(30)
    await world.follow()
    await world.pay(address, 10**18)
    await world.node.mine(16)
    await world.follow()
    assert await world.deposit_states() == [(10**18, "pending")]
    await world.node.reorg(16)
    await world.follow()
    assert await world.deposit_states() == [(10**18, "reversed")]
    assert (await world.frozen(vault), await world.alarms()) == (None, [])


async def test_bsc_without_votes_waits_for_confirmations_and_says_so(database: Database):
    world = World(database, "bsc")
    vault = await world.new_vault()
    address = await world.new_address(vault)
    await world.pay(address, 1)
    await world.node.mine(3)
    world.node.final_height = 1
    await world.follow()
    assert await world.deposit_states() == [(1, "credited")]
    await world.pay(address, 2)
    await world.node.mine(236)
    await world.follow()
    assert await world.deposit_states() == [(1, "credited"), (2, "pending")]
    assert await proven_by(world) == "node"
    await world.node.mine(4)
    with capture_logs() as logs:
        await world.follow()
    assert await world.deposit_states() == [(1, "credited"), (2, "credited")]
    assert await proven_by(world) == "confirmations"
    assert [line["event"] for line in logs] == ["finality_proven_otherwise"]


async def proven_by(world: World) -> str | None:
    async with world.database.read() as session:
        row = await session.get(FollowerRow, world.network.id)
    assert row is not None
    return row.final_by
