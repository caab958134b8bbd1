"""The same adapters while chains reorganise, processes and engines restart, and lines fail."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from chains.errors import NodeUnavailable
from chains.follow import Connected, Disconnected
from chains.model import Broadcast
from chains.transaction import TxState
from tests.conformance.world import World
from tests.support.costs import left
from tests.support.patience import eventually
from tests.support.single import one

pytestmark = pytest.mark.asyncio(loop_scope="module")


# Reorganisations below finality


async def test_a_reorg_takes_a_deposit_back(world: World) -> None:
    purse, books = world.purse(), await world.books()
    block, _ = await purse.receive()
    await world.node.mine()
    await books.catch_up()
    assert books.total(purse.address) == 5 * world.coin

    await world.node.reorg(2)
    events = await books.catch_up()
    assert [type(each) for each in events] == [Disconnected] * 2 + [Connected] * 3
    assert books.total(purse.address) == 0 == await purse.balance()
    instead = await world.adapter.block(block.ref.height)
    assert instead is None or instead.ref != block.ref

    await world.node.mine()
    if not await purse.balance():
        await purse.receive()  # the engine forgot the payment: whoever sent it pays again
    await books.catch_up()
    assert books.total(purse.address) == 5 * world.coin == await purse.balance()


async def test_a_reorg_takes_a_transfer_back_and_the_same_bytes_bring_it_again(
    world: World,
) -> None:
    purse, other, books = world.purse(), world.purse(), await world.books()
    await purse.receive()
    await world.node.mine(2)
    before = await purse.balance()
    signed = await purse.signed(other.address, world.coin)
    await one(world.adapter.broadcast, signed)
    await world.node.mine(2)
    first = await world.included(signed, other.address, world.coin)
    await books.catch_up()
    (credited,) = books.credits_to(other.address)

    await world.node.reorg(2)
    await books.catch_up()
    assert books.credits_to(other.address) == []
    assert (await purse.balance(), await other.balance()) == (before, 0)
    taken_back = await one(world.adapter.statuses, signed.txid)
    assert taken_back.state in (TxState.PENDING, TxState.UNKNOWN) and taken_back.block is None

    again = await world.settled(signed, other.address, world.coin)
    assert again.block != first.block
    await books.catch_up()
    assert books.credits_to(other.address) == [credited]
    assert await purse.balance() == before - world.coin - left(again)
    assert await other.balance() == world.coin


# Restarts


async def test_a_new_process_goes_on_from_what_was_stored(world: World) -> None:
    """Stored are the follower's refs and the signed bytes; while nobody looked, the chain
    replaced the newest block that we knew."""
    purse, other, books = world.purse(), world.purse(), await world.books()
    await purse.receive()
    signed = await purse.signed(other.address, world.coin)
    lost, _ = await world.purse().receive()
    await books.catch_up()
    assert books.refs[-1] == lost.ref

    await world.node.reorg(1)
    fresh = world.connect()
    assert await one(fresh.broadcast, signed) is Broadcast.ACCEPTED
    await world.node.mine()
    resumed = books.resume(fresh)
    events = await resumed.catch_up()
    assert [each for each in events if isinstance(each, Disconnected)] == [Disconnected(lost.ref)]
    assert resumed.total(other.address) == world.coin == await other.balance()
    assert (await one(fresh.statuses, signed.txid)).state is TxState.INCLUDED


async def test_the_engine_restarts_with_a_transfer_under_way(world: World) -> None:
    purse, other, books = world.purse(), world.purse(), await world.books()
    block, _ = await purse.receive()
    signed = await purse.signed(other.address, world.coin)
    await one(world.adapter.broadcast, signed)
    url, tip = world.node.url, await world.adapter.tip()
    await world.node.stop()
    await world.node.start()
    assert world.node.url == url
    assert await world.adapter.tip() == tip
    assert await world.adapter.block(block.ref.height) == block
    await world.settled(signed, other.address, world.coin)
    await books.catch_up()
    assert books.total(other.address) == world.coin == await other.balance()


# A bad line


async def test_a_node_away_and_back(world: World) -> None:
    purse, to, books = world.purse(), await world.node.outside_address(), await world.books()
    await purse.receive()
    intent = await purse.claimed(to, world.coin)
    signed = purse.sign(await one(world.adapter.prepare, intent))
    tip, native = await world.adapter.tip(), world.network.native.id
    questions = [
        world.adapter.check,
        world.adapter.tip,
        world.final,
        lambda: world.adapter.block(tip.height),
        lambda: one(world.adapter.prepare, intent),
        lambda: one(world.adapter.broadcast, signed),
        lambda: one(world.adapter.statuses, signed.txid),
        lambda: world.adapter.balance(purse.address, native),
    ]
    for fault in (world.node.go_away, lambda: world.node.error(1000)):
        fault()
        for ask in questions:
            with pytest.raises(NodeUnavailable):
                await ask()
        world.node.heal()
        assert await world.adapter.tip() == tip
    await world.settled(signed, to, world.coin)
    await books.catch_up()
    assert books.total(to) == world.coin


async def test_a_slow_node_and_callers_who_give_up(world: World) -> None:
    impatient = world.connect(timeout_s=0.1)
    tip = await world.adapter.tip()
    world.node.delay(5.0)
    with pytest.raises(NodeUnavailable):
        await impatient.tip()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world.adapter.tip(), 0.05)
    world.node.delay(0.3)
    assert await world.adapter.tip() == tip, "slow is not away"
    world.node.heal()
    assert await eventually(impatient.tip) == tip
    found = await asyncio.gather(*(world.adapter.block(tip.height) for _ in range(8)))
    assert len({block.ref for block in found if block}) == 1


async def test_a_lost_reply_to_a_broadcast_pays_once(world: World) -> None:
    purse, to = world.purse(), await world.node.outside_address()
    await purse.receive()
    before = await purse.balance()
    signed = await purse.signed(to, world.coin)
    for _ in range(2):
        world.node.drop_reply()
        with pytest.raises(NodeUnavailable):
            await one(world.adapter.broadcast, signed)
    status = await world.settled(signed, to, world.coin)
    assert await world.node.balance(to) == world.coin
    assert await purse.balance() == before - world.coin - left(status)
    world.node.drop_reply()
    with pytest.raises(NodeUnavailable):
        await one(world.adapter.broadcast, signed)
    assert await one(world.adapter.broadcast, signed) is Broadcast.ALREADY_KNOWN
    await world.node.mine()
    assert await world.node.balance(to) == world.coin


async def test_a_broadcast_given_up_half_way_pays_once(world: World) -> None:
    """Cancelled before, between and after the adapter's requests: all that is sure is the bytes."""
    purse, to = world.purse(), await world.node.outside_address()
    await purse.receive()
    signed = await purse.signed(to, world.coin)
    world.node.delay(0.1)
    for patience in (0.05, 0.15, 0.25):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(one(world.adapter.broadcast, signed), patience)
    world.node.heal()
    await world.settled(signed, to, world.coin)
    assert await world.node.balance(to) == world.coin


# Everything at once


@pytest.mark.parametrize("seed", [1, 2])
async def test_books_equal_the_engine_through_a_random_life(world: World, seed: int) -> None:
    """Deposits, empty blocks, reorganisations, faults and restarts of ours, in any order."""
    chance = random.Random(seed)
    purses = [world.purse() for _ in range(2)]
    books, fresh = await world.books(), 0

    for _ in range(25):
        step = chance.choice(["pay", "pay", "mine", "mine", "reorg", "fault", "restart"])
        if step == "pay":
            amount = chance.randint(1, 9) * world.coin // 10
            await world.node.fund(chance.choice(purses).address, amount)
        elif step == "mine":
            await world.node.mine()
            fresh += 1
        elif step == "reorg" and fresh:
            await world.node.reorg(min(fresh, chance.randint(1, 2)))
        elif step == "fault":
            chance.choice([world.node.error, world.node.drop_reply])()
        elif step == "restart":
            books = books.resume(world.connect())
        try:
            await books.catch_up()
        except NodeUnavailable:  # the fault of this step; what was applied before it stays
            await books.catch_up()
        for purse in purses:
            assert books.total(purse.address) == await world.node.balance(purse.address), step
    assert sum(books.total(purse.address) for purse in purses) > 0
