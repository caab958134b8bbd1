"""All vaults of a network with coins are one walk through the node's set of them."""

from __future__ import annotations

from typing import Any

from chains.errors import NodeUnavailable
from chains.model import Address
from custody.db.session import Database
from custody.reconcile.report import Verdict
from tests.support.custody import World
from tests.unit.custody.reconcile.scene import COINS, CURRENT


async def with_two_vaults(database: Database, alias: str = COINS) -> tuple[World, list[Address]]:
    """Each with twenty addresses, of which one was paid."""
    world = World(database, alias)
    paid = []
    for _ in range(2):
        vault = await world.new_vault()
        addresses = [await world.new_address(vault) for _ in range(20)]
        await world.pay(addresses[7], 100_000)
        paid.append(Address(addresses[7].address))
    await world.node.mine()
    await world.node.finalize()
    await world.follow()
    return world, paid


async def test_one_walk_counts_every_vault(database: Database):
    world, _paid = await with_two_vaults(database)
    report = await world.reconcile()
    assert report.is_clean
    assert [line.chain for line in report.lines] == [100_000, 100_000]
    assert world.adapter.calls["balances"] == 1
    assert "balance" not in world.adapter.calls


async def test_all_second_looks_share_a_second_walk(database: Database):
    world, paid = await with_two_vaults(database)
    for address in paid:
        world.node.state.give(address, world.native, -7)
    report = await world.reconcile()
    assert [line.verdict for line in report.lines] == [Verdict.SHORTAGE, Verdict.SHORTAGE]
    assert world.adapter.calls["balances"] == 2


async def test_a_walk_that_failed_is_not_tried_again_for_each_vault(database: Database):
    world, _paid = await with_two_vaults(database)

    def fails(call: str) -> None:
        if call == "balances":
            raise NodeUnavailable("busy")

    world.adapter.before = fails
    report = await world.reconcile()
    assert [line.reason for line in report.lines] == ["node_unavailable"] * 2
    assert world.adapter.calls["balances"] == 1


async def test_an_address_made_during_the_walk_is_counted_the_next_time(database: Database):
    world, paid = await with_two_vaults(database)
    count = world.adapter.balances

    async def slowly(*question: Any) -> Any:
        found = dict(await count(*question))
        del found[paid[0]]
        return found

    world.adapter.balances = slowly  # type: ignore[method-assign, assignment]
    first, second = sorted(line.reason for line in (await world.reconcile()).lines)
    assert (first, second) == ("", "an address is newer than the count")


async def test_elsewhere_each_vault_is_asked_for_by_itself(database: Database):
    world, _paid = await with_two_vaults(database, CURRENT)
    assert (await world.reconcile()).is_clean
    assert world.adapter.calls["balance"] == 40
