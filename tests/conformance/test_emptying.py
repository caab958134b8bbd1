"""A payment of all that a source has, for what `quote` says that it costs: nothing is left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.costs import CostKind, Costs, by_asset
from chains.errors import FeeAboveMaximum
from chains.model import Address, SignedTx
from chains.transaction import TransferIntent
from tests.conformance.world import Purse, World
from tests.support import families
from tests.support.single import one

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def emptying(
    world: World, purse: Purse, to: Address, times: int = 1
) -> tuple[TransferIntent, Costs]:
    """What pays all that the purse has, and what that may cost: so many times the quote."""
    wanted = await purse.intent(to, world.coin, empties=True)
    quoted = await world.adapter.quote(wanted)
    costs = {kind: times * units for kind, units in quoted.items()}
    native, has = world.network.native.id, await purse.balance()
    (payment,) = wanted.payments
    payment = replace(payment, amount=has - by_asset(costs).get(native, 0))
    wanted = replace(wanted, effects=(payment,), costs_max=costs)
    return replace(wanted, claim=await one(world.adapter.claim, wanted)), costs


async def pay(world: World, purse: Purse, intent: TransferIntent) -> SignedTx:
    signed = purse.sign(await one(world.adapter.prepare, intent))
    await world.settled(signed, intent.payments[0].address, intent.payments[0].amount)
    return signed


@pytest.mark.parametrize("paid_before", [False, True])
async def test_nothing_is_left(world: World, paid_before: bool) -> None:
    """Solana's nonce account is made by it, or is there already. On TRON what is left is less than
    the bound, for what it burns is not in its bytes; on a rollup, less than its charge for data."""
    purse, to = world.purse(), await world.node.outside_address()
    await purse.receive()
    await purse.receive(2 * world.coin)
    if paid_before:
        before = await purse.claimed(to, world.coin)
        await pay(world, purse, before)
        await world.node.finalize()
        to = await world.node.outside_address()
    intent, costs = await emptying(world, purse, to)
    await pay(world, purse, intent)
    unsure = (CostKind.FEE, CostKind.ACTIVATION) if burns(world) else (CostKind.L1_DATA,)
    native, left = world.network.native.id, await purse.balance()
    assert 0 <= left <= sum(costs.get((native, kind), 0) for kind in unsure), costs


async def test_what_came_later_stays(world: World) -> None:
    """Between the quote and the transaction somebody pays: that is no fee."""
    purse, to = world.purse(), await world.node.outside_address()
    await purse.receive()
    intent, _ = await emptying(world, purse, to, times=3)
    await purse.receive(3 * world.coin)
    if intent.coins:  # the oldest stand first, as custody offers them
        now = await purse.intent(to, world.coin)
        intent = replace(intent, coins=now.coins, claim=())
        intent = replace(intent, claim=await one(world.adapter.claim, intent))
    await pay(world, purse, intent)
    assert await purse.balance() >= 3 * world.coin


async def test_dearer_than_it_was_waits(world: World) -> None:
    """The amount is agreed to, so there is no more for the fee."""
    if burns(world):
        pytest.skip("its bound is the dearest that there is")
    purse, to = world.purse(), await world.node.outside_address()
    await purse.receive()
    intent, costs = await emptying(world, purse, to)
    fee = (world.network.native.id, CostKind.FEE)
    dear = replace(intent, costs_max={**costs, fee: costs[fee] // 100})
    with pytest.raises(FeeAboveMaximum):
        await one(world.adapter.prepare, dear)


def burns(world: World) -> bool:
    """Whether the chain itself says what a transaction costs."""
    return world.network.family == families.TRON and not world.node.url.startswith("fake://")
