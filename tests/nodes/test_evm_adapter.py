"""The EVM adapter on a real EVM, as Ethereum and as BNB Smart Chain."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import pytest_asyncio
from coincurve import PrivateKey

from chains.block import Movement
from chains.costs import above
from chains.devnet.evm import AnvilNode
from chains.errors import (
    BroadcastRejected,
    BuildError,
    ClaimUnusable,
    FeeAboveMaximum,
    InsufficientFunds,
    NodeUnavailable,
    WrongChain,
)
from chains.evm import parse
from chains.evm.adapter import EvmAdapter
from chains.follow import BlockFollower, Connected, Disconnected
from chains.model import (
    Address,
    AddressType,
    Broadcast,
    ConflictKey,
    Excludes,
    InternalCredits,
    OwnedAddress,
    TxId,
)
from chains.transaction import TransferIntent, TxState
from tests.support.costs import left, most
from tests.support.evm import (
    ACCEPTS_ONCE,
    ETHER,
    GAS,
    REVERTS,
    STOPS,
    World,
    borrows,
    destructs,
    pays,
)
from tests.support.networks import find_network
from tests.support.single import one

pytestmark = pytest.mark.engine


@pytest_asyncio.fixture(params=["ethereum-local", "bsc-local"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    network = find_network(request.param)
    node = AnvilNode(network, tmp_path / "node")
    await node.start()
    adapter = EvmAdapter(network, node.url, timeout_s=60.0)
    key = PrivateKey()
    public_key = key.public_key.format()
    ours = adapter.codec.derive_address(public_key, AddressType.EVM)
    path = adapter.codec.address_path(AddressType.EVM, 0, 0)
    try:
        await adapter.check()
        owner = OwnedAddress(ours, AddressType.EVM, path, public_key)
        yield World(network, node, adapter, key, owner)
    finally:
        await adapter.close()
        await node.stop()


async def test_receive(world: World) -> None:
    txid = await world.deposit(123)
    tip = await world.adapter.tip()
    found = await world.adapter.block(tip.height)
    assert found.ref == tip
    assert found.parent_hash == (await world.adapter.block(tip.height - 1)).ref.hash
    expected = Movement(txid, "call:", world.owner.address, world.network.native.id, 123)
    assert await world.tip_credits(world.owner.address) == [expected]
    assert await world.node.received(txid, world.owner.address, world.network.native.id) == 123
    assert await world.node.balance(world.owner.address) == 123
    assert world.adapter.capabilities.internal_credits is InternalCredits.SEEN


async def test_receive_through_contracts(world: World) -> None:
    """By call, nested call, borrowed code, creation's end and selfdestruct; reverts pay nothing."""
    ours = world.owner.address
    inner = await world.deploy(pays(ours, 5) + STOPS)
    failing = await world.deploy(pays(ours, 1000) + REVERTS)
    parts = pays(inner, 50) + pays(failing, 2000) + borrows(inner) + pays(ours, 7)
    outer = await world.deploy(parts + destructs(ours))
    txid = await world.call(outer, 100)
    found = await world.tip_credits(ours)
    # 100 in; 50 to inner, which pays 5; borrowed code pays 5; 7; the rest at the end.
    assert [credit.units for credit in found] == [5, 5, 7, 100 - 50 - 5 - 7]
    assert {credit.txid for credit in found} == {txid}
    assert [credit.place for credit in found] == ["call:1", "call:2", "call:3", "call:4"]
    assert await world.node.balance(ours) == sum(credit.units for credit in found)
    created = await world.create(destructs(ours), 9)
    assert [(c.address, c.units) for c in await world.tip_credits() if c.units == 9] == [
        (created, 9),
        (ours, 9),
    ]


async def test_a_failed_transaction_credits_nothing(world: World) -> None:
    refusing = await world.deploy(pays(world.owner.address, 5) + REVERTS)
    txid = await world.call(refusing, 100)
    assert [credit for credit in await world.tip_credits() if credit.txid == txid] == []
    status = await one(world.adapter.statuses, txid)
    assert status.state is TxState.REVERTED
    assert status.reason
    assert await world.node.received(txid, refusing, world.network.native.id) == 0


async def test_credits_add_up_to_balances(world: World) -> None:
    """The oracle is the state itself: who only receives owns the sum of the credits."""
    rng = random.Random(7)
    sinks = [await world.node.outside_address() for _ in range(4)]
    contracts = [await world.deploy(pays(rng.choice(sinks), 3) + STOPS, 0) for _ in range(2)]
    for _ in range(6):
        code = b""
        for _ in range(rng.randint(1, 4)):
            code += pays(rng.choice(sinks + contracts), rng.randint(0, 60))
        ending = rng.choice([STOPS, REVERTS, destructs(rng.choice(sinks))])
        contracts.append(await world.deploy(code + ending))
    for _ in range(4):
        for _ in range(5):
            to = rng.choice(sinks + contracts)
            await world.node.send(to, rng.randint(0, 300), b"", GAS)
        await world.node.mine()
    sums: Counter[Address] = Counter()
    names = set[tuple[str, str, bool]]()
    for height in range((await world.adapter.tip()).height + 1):
        for credit in (await world.adapter.block(height)).movements:
            sums[credit.address] += credit.units
            name = credit.txid, credit.place, credit.units > 0
            assert name not in names
            names.add(name)
    balances = {sink: await world.node.balance(sink) for sink in sinks}
    assert {sink: sums[sink] for sink in sinks} == balances
    assert sum(balances.values()) > 0


async def test_block_fees_are_credited_to_their_recipient(world: World) -> None:
    ours = world.owner.address
    spender = await world.deploy(pays(ours, 0) + STOPS)
    await world.node.ask("anvil_setCoinbase", ours)
    await world.node.send(spender, 0, b"\1" * 100, GAS)
    await world.node.send(await world.node.outside_address(), 1)
    await world.node.mine()
    (credit,) = await world.tip_credits(ours)
    assert credit.txid == (await world.adapter.tip()).hash
    assert credit.units == await world.node.balance(ours) > 0


async def test_send(world: World) -> None:
    await world.deposit()
    before = await world.node.balance(world.owner.address)
    to = await world.node.outside_address()
    tx = await world.build(to, ETHER)
    summary = world.adapter.codec.summarize(tx)
    assert summary.unexplained == ()
    assert above(summary.costs.most, world.network.costs_max) is None
    signed = world.sign(tx)
    assert (await one(world.adapter.statuses, signed.txid)).state is TxState.UNKNOWN
    assert await one(world.adapter.broadcast, signed) is Broadcast.ACCEPTED
    assert (await one(world.adapter.statuses, signed.txid)).state is TxState.PENDING
    await world.node.mine()
    status = await one(world.adapter.statuses, signed.txid)
    assert status.state is TxState.INCLUDED
    assert status.block == await world.adapter.tip()
    assert 0 < left(status) <= most(summary)
    assert await world.node.received(signed.txid, to, world.network.native.id) == ETHER
    assert await world.node.balance(world.owner.address) == before - ETHER - left(status)
    assert await one(world.adapter.broadcast, signed) is Broadcast.ALREADY_KNOWN
    await world.node.finalize()
    if world.network.finality.confirmations is None:
        finalized = await world.adapter.finalized()
        assert finalized is not None and finalized.height >= status.block.height
    else:
        depth = (await world.adapter.tip()).height - status.block.height + 1
        assert depth == world.network.finality.confirmations


async def test_send_everything_the_fee_leaves(world: World) -> None:
    """The offer shrinks to what the balance allows, down to what the network needs now."""
    await world.deposit(ETHER)
    await world.node.mine(40)  # the base fee comes to rest
    to = await world.node.outside_address()
    generous = parse.unsigned((await world.build(to, 1)).payload)
    least = 21_000 * generous.fee_per_gas_max
    signed = world.sign(await world.build(to, ETHER - least + 1))
    assert most(world.adapter.codec.summarize(await world.build(to, ETHER - least))) == least
    await one(world.adapter.broadcast, signed)
    await world.node.mine()
    assert (await one(world.adapter.statuses, signed.txid)).state is TxState.INCLUDED
    with pytest.raises(InsufficientFunds):
        await world.build(to, ETHER)


async def test_what_can_not_be_paid(world: World) -> None:
    """Told before a nonce is taken, and again when building."""
    await world.deposit(ETHER)
    to = await world.node.outside_address()
    claim = await one(world.adapter.claim, world.intent(to, 1))

    async def claimed(intent: TransferIntent) -> object:
        return await one(world.adapter.claim, intent)

    async def prepared(intent: TransferIntent) -> object:
        return await one(world.adapter.prepare, intent)

    for call in (claimed, prepared):
        with pytest.raises(InsufficientFunds):
            await call(world.intent(to, 2 * ETHER, claim=claim))
        with pytest.raises(InsufficientFunds):
            await call(world.intent(to, ETHER, claim=claim))
        with pytest.raises(FeeAboveMaximum):
            await call(world.intent(to, 1, claim=claim, costs_max=world.network.bounds(1)))


async def test_send_to_contracts(world: World) -> None:
    """A contract wallet gets the gas it needs; one that refuses is told before signing."""
    await world.deposit()
    sink = await world.node.outside_address()
    wallet = await world.deploy(pays(sink, 5) + STOPS)
    tx = await world.build(wallet, 100)
    assert parse.unsigned(tx.payload).gas > 50_000
    signed = world.sign(tx)
    await one(world.adapter.broadcast, signed)
    await world.node.mine()
    assert (await one(world.adapter.statuses, signed.txid)).state is TxState.INCLUDED
    assert await world.node.balance(wallet) == 95
    assert await world.node.balance(sink) == 5
    with pytest.raises(BuildError, match="refuses"):
        await world.build(await world.deploy(REVERTS), 100)


async def test_a_payment_that_reverts_after_all(world: World) -> None:
    await world.deposit()
    fickle = await world.deploy(ACCEPTS_ONCE)
    signed = world.sign(await world.build(fickle, 100))
    await world.call(fickle, 1)
    before = await world.node.balance(world.owner.address)
    await one(world.adapter.broadcast, signed)
    await world.node.mine()
    status = await one(world.adapter.statuses, signed.txid)
    assert status.state is TxState.REVERTED
    assert await world.node.balance(world.owner.address) == before - left(status)
    assert await world.node.received(signed.txid, fickle, world.network.native.id) == 0
    assert await world.tip_credits(fickle) == []


async def test_nonces_leave_no_gap(world: World) -> None:
    await world.deposit()
    to = await world.node.outside_address()
    taken: list[ConflictKey] = []
    signed = []
    for _ in range(3):
        intent = world.intent(to, 1, taken=frozenset(taken))
        claim = await one(world.adapter.claim, intent)
        taken += claim
        signed.append(world.sign(await one(world.adapter.prepare, replace(intent, claim=claim))))
    assert [parse.signed(tx.raw).transaction.nonce for tx in signed] == [0, 1, 2]
    # The first is late: the others wait for it, and none is lost.
    for tx in reversed(signed[1:]):
        await one(world.adapter.broadcast, tx)
    await world.node.mine()
    assert {(await one(world.adapter.statuses, tx.txid)).state for tx in signed[1:]} == {
        TxState.PENDING
    }
    # A hole in what is taken is filled first.
    assert await one(world.adapter.claim, world.intent(to, 1, taken=frozenset(taken[1:]))) == (
        taken[0],
    )
    await one(world.adapter.broadcast, signed[0])
    await world.node.mine()
    assert {(await one(world.adapter.statuses, tx.txid)).state for tx in signed} == {
        TxState.INCLUDED
    }
    with pytest.raises(ClaimUnusable, match="nonce 1 "):
        await world.build(to, 1, claim=(taken[1],))
    with pytest.raises(ClaimUnusable):
        await world.build(to, 1, claim=(ConflictKey("eip155:1/outpoint:00:1", Excludes.INCLUSION),))
    (next_key,) = await one(world.adapter.claim, world.intent(to, 1, taken=frozenset(taken)))
    assert next_key.text.endswith(":3")


async def test_a_block_shows_by_what_a_nonce_was_used_up(world: World) -> None:
    await world.deposit()
    to, other = await world.node.outside_address(), await world.node.outside_address()
    claim = await one(world.adapter.claim, world.intent(to, 1))
    loser = world.sign(await world.build(to, 1, claim=claim))
    winner = world.sign(await world.build(other, 2, claim=claim))
    await one(world.adapter.broadcast, winner)
    await world.node.mine()
    with pytest.raises(BroadcastRejected, match=r"(?i)nonce"):
        await one(world.adapter.broadcast, loser)
    block = await world.adapter.block((await world.adapter.tip()).height)
    assert block.consumed[claim[0].text] == winner.txid
    assert (await one(world.adapter.statuses, loser.txid)).state is TxState.UNKNOWN


async def test_reorg(world: World) -> None:
    adapter, node, ours = world.adapter, world.node, world.owner.address
    await world.deposit(7)
    follower = BlockFollower(0, 20)
    credited: Counter[str] = Counter()

    async def catch_up() -> list[type]:
        kinds = []
        while (height := follower.wants(await adapter.tip())) is not None:
            for event in follower.feed(await adapter.block(height)):
                kinds.append(type(event))
                if isinstance(event, Connected):
                    paid = [c.units for c in event.block.movements if c.address == ours]
                    credited[event.block.ref.hash] = sum(paid)
                else:
                    del credited[event.ref.hash]
        return kinds

    await catch_up()
    reorged = await world.deposit(500)
    await node.mine()
    await catch_up()
    assert credited.total() == 507
    old_tip = await adapter.tip()
    await node.reorg(2)
    assert Disconnected in await catch_up()
    assert credited.total() == 7 == await node.balance(ours)
    assert follower.position == await adapter.tip() != old_tip
    assert (await one(adapter.statuses, reorged)).state is TxState.UNKNOWN
    assert await node.received(reorged, ours, world.network.native.id) == 0
    with pytest.raises(NodeUnavailable):
        await adapter.balance(ours, world.network.native.id, old_tip)


async def test_a_sent_transaction_survives_a_reorg_by_rebroadcast(world: World) -> None:
    await world.deposit()
    await world.node.mine(3)
    to = await world.node.outside_address()
    signed = world.sign(await world.build(to, 5))
    await one(world.adapter.broadcast, signed)
    await world.node.mine()
    await world.node.reorg(1)
    assert (await one(world.adapter.statuses, signed.txid)).state is TxState.UNKNOWN
    assert await one(world.adapter.broadcast, signed) is Broadcast.ACCEPTED
    await world.node.mine()
    assert (await one(world.adapter.statuses, signed.txid)).state is TxState.INCLUDED
    assert await world.node.balance(to) == 5


async def test_reorgs_of_empty_blocks_change_their_hashes(world: World) -> None:
    await world.node.mine(3)
    old = [(await world.adapter.block(height)).ref for height in (3, 4)]
    await world.node.reorg(2)
    assert (await world.adapter.tip()).height == 5
    assert {(await world.adapter.block(height)).ref for height in (3, 4)}.isdisjoint(old)


async def test_node_away_and_back(world: World) -> None:
    native, ours = world.network.native.id, world.owner.address
    await world.deposit(5)
    world.node.go_away()
    for call in (
        world.adapter.tip,
        world.adapter.check,
        lambda: world.adapter.balance(ours, native),
    ):
        with pytest.raises(NodeUnavailable):
            await call()
    world.node.heal()
    assert await world.adapter.balance(ours, native) == 5
    world.node.error()
    with pytest.raises(NodeUnavailable, match="500"):
        await world.adapter.tip()
    world.node.drop_reply()
    with pytest.raises(NodeUnavailable):
        await world.adapter.tip()
    impatient = EvmAdapter(world.network, world.node.url, timeout_s=0.1)
    world.node.delay(5.0)
    with pytest.raises(NodeUnavailable, match=r"0\.1 s"):
        await impatient.tip()
    await impatient.close()
    world.node.heal()
    assert (await world.adapter.tip()).height == 2


async def test_lost_reply_to_a_broadcast(world: World) -> None:
    await world.deposit()
    to = await world.node.outside_address()
    signed = world.sign(await world.build(to, 5))
    world.node.drop_reply()
    with pytest.raises(NodeUnavailable):
        await one(world.adapter.broadcast, signed)
    assert await one(world.adapter.broadcast, signed) is Broadcast.ALREADY_KNOWN
    await world.node.mine()
    assert await one(world.adapter.broadcast, signed) is Broadcast.ALREADY_KNOWN
    assert await world.node.balance(to) == 5


async def test_balance_at_a_block(world: World) -> None:
    native, ours = world.network.native.id, world.owner.address
    await world.deposit(5)
    then = await world.adapter.tip()
    await world.deposit(6)
    assert await world.adapter.balance(ours, native) == 11
    assert await world.adapter.balance(ours, native, then) == 5
    assert await world.adapter.balance(ours, native, await world.adapter.tip()) == 11


async def test_restart_of_the_engine_keeps_chain_and_url(world: World) -> None:
    url, ours = world.node.url, world.owner.address
    txid = await world.deposit(5)
    block = await world.adapter.block(2)
    await world.node.stop()
    with pytest.raises(NodeUnavailable):
        await world.adapter.tip()
    await world.node.stop()
    await world.node.start()
    assert world.node.url == url
    assert await world.adapter.block(2) == block
    assert (await one(world.adapter.statuses, txid)).state is TxState.INCLUDED
    assert await world.adapter.balance(ours, world.network.native.id, block.ref) == 5
    await world.deposit(6)
    assert await world.node.balance(ours) == 11


async def test_questions_about_what_is_not_there(world: World) -> None:
    with pytest.raises(NodeUnavailable, match="no block 99"):
        await world.adapter.block(99)
    assert (await one(world.adapter.statuses, TxId("0x" + "12" * 32))).state is TxState.UNKNOWN
    other = find_network("bsc" if world.network.alias.startswith("eth") else "ethereum")
    stranger = EvmAdapter(other, world.node.url)
    with pytest.raises(WrongChain):
        await stranger.check()
    await stranger.close()


async def test_calls_side_by_side(world: World) -> None:
    await world.node.mine(20)
    blocks = await asyncio.gather(*(world.adapter.block(height) for height in range(21)))
    assert [block.ref.height for block in blocks] == list(range(21))
    for parent, child in pairwise(blocks):
        assert child.parent_hash == parent.ref.hash
