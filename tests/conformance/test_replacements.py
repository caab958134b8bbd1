"""A transaction that waits is paid more for, or called off, on the networks whose keys bind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.errors import BroadcastRejected, FeeAboveMaximum
from chains.model import Broadcast, UnsignedTx
from chains.transaction import TransferIntent, TxState, binding
from tests.conformance.world import Purse, World
from tests.support.single import one

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def replacing(
    world: World, intent: TransferIntent, tx: UnsignedTx, **changes: object
) -> tuple[TransferIntent, UnsignedTx]:
    """The intent that takes the place of `tx`, and its transaction."""
    wanted: TransferIntent = replace(intent, claim=(), replaces=tx, **changes)  # type: ignore[arg-type]
    claimed = replace(wanted, claim=await one(world.adapter.claim, wanted))
    assert set(claimed.claim) >= world.adapter.codec.summarize(tx).binding_keys
    return claimed, await one(world.adapter.prepare, claimed)


async def funded(world: World) -> Purse:
    if not world.adapter.codec.traits.binding_keys:
        pytest.skip("no key of this chain keeps two transactions from both being in a block")
    purse = world.purse()
    await purse.receive()
    intent = await purse.claimed(await world.node.outside_address(), world.coin)
    if not binding(intent.claim):
        pytest.skip("what an address sends first binds nothing: nodes/test_solana_replacements.py")
    return purse


def most(world: World, tx: UnsignedTx) -> int:
    """The most that it can cost."""
    return sum(world.adapter.codec.summarize(tx).costs.most.values())


async def test_each_replacement_is_taken_in_place_of_the_one_before(world: World) -> None:
    """Three in a row, the last one pays; what it replaced is in no block, and is not taken back."""
    purse, to = await funded(world), await world.node.outside_address()
    intent = await purse.claimed(to, world.coin)
    tx = await one(world.adapter.prepare, intent)
    sent = [purse.sign(tx)]
    assert await one(world.adapter.broadcast, sent[0]) is Broadcast.ACCEPTED
    for _ in range(2):
        before = most(world, tx)
        intent, tx = await replacing(world, intent, tx)
        assert most(world, tx) > before
        sent.append(purse.sign(tx))
        assert await one(world.adapter.broadcast, sent[-1]) is Broadcast.ACCEPTED
    with pytest.raises(BroadcastRejected):
        await one(world.adapter.broadcast, sent[0])
    await world.node.mine()
    await world.included(sent[-1], to, world.coin)
    states = [(await one(world.adapter.statuses, each.txid)).state for each in sent]
    assert states == [TxState.UNKNOWN, TxState.UNKNOWN, TxState.INCLUDED]
    assert await world.node.balance(to) == world.coin


async def test_a_cancel_takes_its_place_and_pays_nobody(world: World) -> None:
    purse, to = await funded(world), await world.node.outside_address()
    before = await purse.balance()
    intent = await purse.claimed(to, world.coin)
    tx = await one(world.adapter.prepare, intent)
    assert await one(world.adapter.broadcast, purse.sign(tx)) is Broadcast.ACCEPTED
    _, cancel = await replacing(world, intent, tx, effects=())
    assert not world.adapter.codec.summarize(cancel).effects
    signed = purse.sign(cancel)
    assert await one(world.adapter.broadcast, signed) is Broadcast.ACCEPTED
    await world.node.mine()
    status = await one(world.adapter.statuses, signed.txid)
    assert status.state is TxState.INCLUDED
    assert await world.node.balance(to) == 0
    assert await purse.balance() == before - sum(status.costs.values())


async def test_a_replacement_that_may_not_cost_more_is_not_built(world: World) -> None:
    purse, to = await funded(world), await world.node.outside_address()
    intent = await purse.claimed(to, world.coin)
    tx = await one(world.adapter.prepare, intent)
    bound = {kind: most(world, tx) for kind in intent.costs_max}
    with pytest.raises(FeeAboveMaximum):
        await replacing(world, intent, tx, costs_max=bound)


async def test_a_replacement_needs_no_other_who_waits(world: World) -> None:
    """What else waits of the same purse stays as it is."""
    purse, to = await funded(world), await world.node.outside_address()
    await purse.receive()
    first = await purse.claimed(to, world.coin)
    second = await purse.claimed(to, 2 * world.coin, taken=frozenset(first.claim))
    built = [await one(world.adapter.prepare, each) for each in (first, second)]
    for each in built:
        assert await one(world.adapter.broadcast, purse.sign(each)) is Broadcast.ACCEPTED
    _, again = await replacing(world, first, built[0], taken=frozenset(second.claim))
    assert await one(world.adapter.broadcast, purse.sign(again)) is Broadcast.ACCEPTED
    await world.node.mine()
    await world.included(purse.sign(built[1]), to, 2 * world.coin)
    await world.included(purse.sign(again), to, world.coin)
