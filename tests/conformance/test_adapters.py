"""One suite for every adapter: what custody relies on, on real engines and on the fake chain."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from chains.adapter import ChainAdapter
from chains.answers import found
from chains.block import Inclusion
from chains.costs import above, sum_of
from chains.devnet.node import DevNode
from chains.errors import (
    BroadcastRejected,
    ChainError,
    ClaimUnusable,
    FeeAboveMaximum,
    InsufficientFunds,
    NodeError,
    NodeUnavailable,
    WrongChain,
)
from chains.follow import Connected
from chains.model import Broadcast, InternalCredits, TxId
from chains.transaction import AfterBlock, TxState, TxStatus, Until
from custody.transactions.facts import needed
from tests.conformance.world import World
from tests.support.costs import left, total
from tests.support.networks import all_networks
from tests.support.single import one

pytestmark = pytest.mark.asyncio(loop_scope="module")

ABOVE_EVERY_LIFETIME = 280
"""Blocks after which a transaction without conflict keys has expired on every network."""


# Which chain it is


async def test_serves_the_configured_network(world: World) -> None:
    adapter: ChainAdapter = world.adapter  # the type checker compares the interfaces
    node: DevNode = world.node
    assert node.network == world.network.id == adapter.codec.network.id
    await adapter.check()
    outside = await node.outside_address()
    assert adapter.codec.parse_address(outside).address == outside
    await node.mine(4)
    tip = await adapter.tip()
    heights = range(tip.height - 3, tip.height + 1)
    blocks = [found for height in heights if (found := await adapter.block(height)) is not None]
    assert blocks[-1].ref == tip
    for parent, child in pairwise(blocks):
        assert child.parent_hash == parent.ref.hash
        assert child.timestamp > 0
    for block in blocks:
        assert await adapter.block_ref(block.ref.height) == block.ref
    for ask in (adapter.block, adapter.block_ref):
        with pytest.raises(NodeUnavailable):
            await ask(tip.height + 1)


async def test_another_network_of_the_family_is_the_wrong_chain(world: World) -> None:
    for other in all_networks().values():
        if other.family == world.network.family and other != world.network:
            with pytest.raises(WrongChain):
                await world.connect(other).check()


async def test_the_adapter_of_another_family_gets_no_answer_it_could_believe(world: World) -> None:
    for other in all_networks().values():
        if other.family != world.network.family:
            with pytest.raises(NodeError):
                await world.connect(other).check()


# Receiving


async def test_receive(world: World) -> None:
    """Nothing before the block; then one credit, whose place in the chain stays."""
    native = world.network.native.id
    for kind in world.network.address_types:
        purse = world.purse(kind)
        assert await purse.balance() == 0
        txid = await world.node.fund(purse.address, 2 * world.coin)
        assert (await one(world.adapter.statuses, txid)).state in (TxState.PENDING, TxState.UNKNOWN)
        assert await world.node.balance(purse.address) == 0
        assert await world.node.received(txid, purse.address, native) == 0
        await world.node.mine()

        block, credit = await purse.arrived(txid)
        assert (credit.asset, credit.units) == (native, 2 * world.coin)
        assert credit.mature_height in (None, block.ref.height)
        status = await one(world.adapter.statuses, txid)
        assert (status.state, status.block) == (TxState.INCLUDED, block.ref)
        assert await purse.balance() == 2 * world.coin
        assert await world.node.received(txid, purse.address, native) == 2 * world.coin

        await world.node.mine()
        assert await world.adapter.block(block.ref.height) == block
        assert await world.connect().block(block.ref.height) == block


async def test_two_deposits_in_one_block_are_two_credits(world: World) -> None:
    purse = world.purse()
    books = await world.books()
    for amount in (2 * world.coin, 3 * world.coin):
        await world.node.fund(purse.address, amount)
    await world.node.mine()
    (event,) = await books.catch_up()
    assert isinstance(event, Connected)
    names = Counter((each.txid, each.place, each.units > 0) for each in event.block.movements)
    assert set(names.values()) == {1}
    found = sorted(each.units for each in books.credits_to(purse.address))
    assert found == [2 * world.coin, 3 * world.coin]
    assert await purse.balance() == 5 * world.coin


async def test_credits_from_inside_a_contract_call(world: World) -> None:
    """The other engines offer no such payment by a verb; tests/nodes make them by other means."""
    send = getattr(world.node, "send", None)
    if send is None:
        pytest.skip("no verb that runs a contract")
    purse = world.purse()
    pays_on = bytes.fromhex(f"600060006000600034 73{purse.address[2:]} 5af100")
    txid = await send(None, 123, pays_on, 200_000)
    await world.node.mine()
    _, credit = await purse.arrived(txid)
    assert credit.units == 123 == await purse.balance()
    assert world.adapter.capabilities.internal_credits is InternalCredits.SEEN


# Sending


async def test_send(world: World) -> None:
    """From claim to block, and every base unit accounted for, from each kind of address."""
    native = world.network.native.id
    for kind in world.network.address_types:
        purse, to = world.purse(kind), await world.node.outside_address()
        await purse.receive()
        before = await purse.balance()
        intent = await purse.claimed(to, world.coin)
        tx = await one(world.adapter.prepare, intent)

        summary = world.adapter.codec.summarize(tx)
        assert summary.sources == (purse.address,)
        assert summary.effects == intent.effects
        assert total(summary.costs.most) > 0
        assert above(summary.costs.most, intent.costs_max) is None
        assert summary.conflict_keys == set(intent.claim)
        assert bool(intent.claim) is world.adapter.codec.traits.conflict_keys
        assert summary.unexplained == ()
        assert all(purse.change and each.path == purse.change.path for each in summary.returns)

        signed = purse.sign(tx)
        assert await one(world.adapter.statuses, signed.txid) == TxStatus(TxState.UNKNOWN)
        assert await one(world.adapter.broadcast, signed) is Broadcast.ACCEPTED
        waiting = await one(world.adapter.statuses, signed.txid)
        assert waiting in (TxStatus(TxState.PENDING), TxStatus(TxState.UNKNOWN))
        again = await one(world.adapter.broadcast, signed)
        # Solana's nodes tell nobody what waits; where they do, a second copy is recognised.
        assert again is Broadcast.ALREADY_KNOWN or waiting.state is TxState.UNKNOWN
        assert await world.node.received(signed.txid, to, world.network.native.id) == 0

        await world.node.mine()
        status = await world.included(signed, to, world.coin)
        assert status.block == await world.adapter.tip()
        unbounded = {
            (native, kind): intent.costs_max[native, kind] for kind in summary.costs.uncapped
        }
        taken, bounds = sum_of((status.costs, status.held)), {**summary.costs.most, **unbounded}
        assert above(taken, bounds) is None
        assert await purse.balance() == before - world.coin - left(status)
        block = await world.tip_block()
        spent = intent.claim if world.adapter.codec.traits.coins else ()
        assert {key.text for key in spent} <= block.consumed.keys()
        paid = [each for each in block.movements if each.txid == signed.txid]
        assert [each.units for each in paid if each.address == to] == [world.coin]
        change = {(each.address, each.amount) for each in summary.returns}
        assert {(each.address, each.units) for each in paid if each.address != to} >= change
        assert await one(world.adapter.broadcast, signed) is Broadcast.ALREADY_KNOWN


async def test_what_comes_and_what_leaves_adds_up_to_the_balance(world: World) -> None:
    """Of a payer and of a payee, through every block since they began; a block that is read again
    tells the same. Where money is coins, what leaves is the coins that are used up."""
    purse, other = world.purse(), world.purse()
    books = await world.books()
    await purse.receive()
    sent = []
    for _ in range(2):
        sent.append(await purse.signed(other.address, world.coin))
        await world.settled(sent[-1], other.address, world.coin)
        await world.node.finalize()
    told = [event.block for event in await books.catch_up() if isinstance(event, Connected)]
    coins = world.adapter.codec.traits.coins
    if not coins:
        for each in (purse, other):
            assert books.total(each.address) == await each.balance()
    included = {each.txid: each for block in told for each in block.included}
    consumers = {txid for block in told for txid in block.consumed.values()}
    for signed in sent:
        if not coins:
            assert included[signed.txid] == Inclusion(signed.txid, purse.address)
    assert (sent[1].txid in consumers) is world.adapter.codec.traits.conflict_keys
    for block in told:
        assert await world.adapter.block(block.ref.height) == block
        places = Counter((each.txid, each.place, each.units > 0) for each in block.movements)
        assert set(places.values()) <= {1}


async def test_two_transfers_at_once_take_different_claims(world: World) -> None:
    purse, to = world.purse(), await world.node.outside_address()
    await purse.receive()
    await purse.receive()
    before = await purse.balance()
    first = await purse.claimed(to, world.coin)
    second = await purse.claimed(to, world.coin, taken=frozenset(first.claim))
    assert not set(first.claim) & set(second.claim)
    sent = [purse.sign(await one(world.adapter.prepare, each)) for each in (first, second)]
    assert len({each.txid for each in sent}) == 2
    for signed in sent:
        assert await one(world.adapter.broadcast, signed) is Broadcast.ACCEPTED
    await world.node.mine()
    statuses = [await world.included(signed, to, world.coin) for signed in sent]
    cost = sum(left(each) for each in statuses)
    assert await world.node.balance(to) == 2 * world.coin
    assert await purse.balance() == before - 2 * world.coin - cost


async def test_the_network_says_what_it_asks_for(world: World) -> None:
    """In whole units of its own, the faster never cheaper; and it is what a transaction offers."""
    prices = await world.adapter.prices()
    assert 0 < prices.slow <= prices.normal <= prices.fast
    assert "/" in prices.unit
    assert prices == await world.adapter.prices()


async def test_what_can_not_be_paid_is_said_before_anything_is_signed(world: World) -> None:
    purse, to = world.purse(), await world.node.outside_address()
    with pytest.raises(InsufficientFunds):
        await purse.signed(to, world.coin)
    await purse.receive()
    with pytest.raises(InsufficientFunds):
        await purse.signed(to, 6 * world.coin)
    with pytest.raises(InsufficientFunds):
        await purse.signed(to, 5 * world.coin)
    with pytest.raises(FeeAboveMaximum):
        await purse.signed(to, world.coin, costs_max=world.network.bounds(1))
    assert await purse.balance() == 5 * world.coin


async def test_balance_at_an_earlier_block(world: World) -> None:
    purse, native = world.purse(), world.network.native.id
    earlier, _ = await purse.receive()
    await purse.receive()
    assert await purse.balance() == 10 * world.coin
    if world.adapter.capabilities.historic_balance:
        found = await world.adapter.balance(purse.address, native, earlier.ref)
        assert found == 5 * world.coin
        elsewhere = replace(earlier.ref, hash=(await world.adapter.tip()).hash[::-1])
        with pytest.raises(NodeError):
            await world.adapter.balance(purse.address, native, elsewhere)
    else:  # never today's amount for an earlier block
        with pytest.raises((AssertionError, NodeUnavailable)):
            await world.adapter.balance(purse.address, native, earlier.ref)


# Finality


async def test_final_by_the_configuration_and_not_before(world: World) -> None:
    purse = world.purse()
    block, _ = await purse.receive()
    assert (await world.final()).height < block.ref.height
    await world.node.finalize()
    final = await world.final()
    assert final.height >= block.ref.height
    found = await world.adapter.block(final.height)
    assert found is not None and found.ref == final
    assert await world.adapter.block(block.ref.height) == block
    await world.node.mine()
    assert (await world.final()).height >= final.height


async def test_blocks_show_which_transaction_is_dead(world: World) -> None:
    """By another one that used up its key where there are keys, else by its expiry."""
    purse, to = world.purse(), await world.node.outside_address()
    await purse.receive()
    await world.node.finalize()
    intent = await purse.claimed(to, world.coin)
    rival = replace(intent, effects=(replace(intent.payments[0], amount=2 * world.coin),))
    unsigned = [await one(world.adapter.prepare, each) for each in (intent, rival)]
    dead, alive = [purse.sign(each) for each in unsigned]
    start = await world.adapter.tip()
    await world.settled(alive, to, 2 * world.coin)
    await world.node.mine(ABOVE_EVERY_LIFETIME)
    await world.node.finalize()
    final = await world.final()

    blocks = [await world.adapter.block(at) for at in range(start.height + 1, final.height + 1)]
    consumed = {key: txid for each in blocks if each for key, txid in each.consumed.items()}
    included = {each.txid for block in blocks if block for each in block.included}
    codec = world.adapter.codec
    keys = needed(sorted(codec.summarize(unsigned[0]).conflict_keys))
    assert [consumed[key] for key in keys] == [alive.txid] * len(keys)
    match codec.lifetime(unsigned[0]):
        case Until(time_ms):
            last = await world.adapter.block(final.height)
            assert last is not None and last.timestamp * 1000 >= time_ms
        case AfterBlock(_, number):
            assert sum(block is not None for block in blocks) > number
        case None:
            assert keys, "what lives for ever dies by a key"
    assert codec.traits.coins or (alive.txid in included and dead.txid not in included)

    with pytest.raises(BroadcastRejected):
        await one(world.adapter.broadcast, dead)
    assert await one(world.adapter.statuses, dead.txid) == TxStatus(TxState.UNKNOWN)
    assert await one(world.adapter.broadcast, alive) is Broadcast.ALREADY_KNOWN
    if world.adapter.codec.traits.conflict_keys:
        with pytest.raises(ClaimUnusable):
            await one(world.adapter.prepare, intent)
    assert await world.node.balance(to) == 2 * world.coin


async def test_what_a_reorg_takes_can_be_spent_when_it_is_back(world: World) -> None:
    purse, to = world.purse(), await world.node.outside_address()
    await purse.receive()
    signed = await purse.signed(to, world.coin)
    await world.node.reorg(1)
    assert await purse.balance() == 0
    await world.node.mine()
    if not await purse.balance():
        await purse.receive()  # the engine forgot the payment: whoever sent it pays again
    await world.node.finalize()
    assert await one(world.adapter.broadcast, signed) is Broadcast.ACCEPTED
    await world.node.mine()
    await world.included(signed, to, world.coin)


# Sets


async def test_a_set_is_claimed_and_moved_as_one(world: World) -> None:
    """What is claimed together never overlaps, and is built, sent and followed together. One that
    can't be paid is told so and takes nothing from the others."""
    purse, to = world.purse(), await world.node.outside_address()
    for _ in range(3):
        await purse.receive()
    before = await purse.balance()
    paying = [await purse.intent(to, world.coin) for _ in range(3)]
    refused = await purse.intent(to, 600 * world.coin)
    claims = await world.adapter.claim([paying[0], refused, *paying[1:]])
    if world.adapter.codec.traits.conflict_keys:
        assert isinstance(claims[1], InsufficientFunds)
    keys = [found(each) for each in (claims[0], *claims[2:])]
    assert len({key for each in keys for key in each}) == sum(map(len, keys))
    assert all(keys) is world.adapter.codec.traits.conflict_keys
    if not world.adapter.codec.traits.coins:
        alone = [await one(world.adapter.claim, paying[0])]
        assert alone == keys[:1], "the lowest first, as if it were asked for alone"

    claimed = [replace(intent, claim=each) for intent, each in zip(paying, keys, strict=True)]
    dear = replace(claimed[1], costs_max=world.network.bounds(1))
    built = await world.adapter.prepare([claimed[0], dear, *claimed[1:]])
    assert isinstance(built[1], FeeAboveMaximum)
    signed = [purse.sign(found(each)) for each in (built[0], *built[2:])]
    assert len({each.txid for each in signed}) == 3
    sent = signed[1].txid
    other = TxId(sent[:-2] + ("22" if sent.endswith("11") else "11"))
    torn = replace(signed[1], txid=other, raw=signed[1].raw[:-1])
    said = await world.adapter.broadcast([signed[0], torn, *signed[1:]])
    assert isinstance(said[1], ChainError)
    assert [said[0], *said[2:]] == [Broadcast.ACCEPTED] * 3

    await world.node.mine()
    statuses = await world.adapter.statuses([each.txid for each in signed])
    assert [found(each).state for each in statuses] == [TxState.INCLUDED] * 3
    assert statuses == [await world.included(each, to, world.coin) for each in signed]
    cost = sum(left(found(each)) for each in statuses)
    assert await purse.balance() == before - 3 * world.coin - cost
    assert [await ask([]) for ask in (world.adapter.claim, world.adapter.prepare)] == [[], []]
    assert await world.adapter.broadcast([]) == await world.adapter.statuses([]) == []
