"""The TRON adapter against the local chain, in its own process behind the fault proxy."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import Any

import pytest
import pytest_asyncio
from coincurve import PrivateKey

from chains.block import Inclusion, cost_kind, cost_place
from chains.costs import CostKind
from chains.devnet.node import DevNode
from chains.devnet.tron import SOLID_AFTER, TronNode
from chains.errors import (
    BroadcastRejected,
    FeeAboveMaximum,
    InsufficientFunds,
    NodeUnavailable,
    WrongChain,
)
from chains.follow import BlockFollower, Connected, Disconnected
from chains.model import Address, Broadcast, SignedTx
from chains.transaction import TransferIntent, TxState
from chains.tron import fees, parse
from chains.tron import tron_pb2 as pb
from chains.tron.adapter import TronAdapter
from tests.support.costs import left
from tests.support.oracle import Oracle
from tests.support.single import one
from tests.support.tron import LOCAL, MAIN, intent, owned, sign

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]
TRX = 1_000_000
ACTIVATION = 1_100_000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory):
    started: DevNode = TronNode(LOCAL, tmp_path_factory.mktemp("tron"))
    await started.start()
    yield started
    await started.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def adapter(node):
    node.heal()
    made = TronAdapter(LOCAL, node.url, timeout_s=60.0)
    yield made
    await made.close()
    node.heal()


class Wallet:
    """A key of ours with an account on the chain."""

    def __init__(self, adapter: TronAdapter) -> None:
        self.adapter = adapter
        self.key = PrivateKey()
        self.owned = owned(self.key)
        self.address = self.owned.address

    def intent(self, to: Address, amount: int, **limits: int) -> TransferIntent:
        return intent(self.owned, to, amount, **limits)

    async def signed(self, to: Address, amount: int) -> SignedTx:
        tx = await one(self.adapter.prepare, self.intent(to, amount))
        return sign(self.adapter.codec, tx, self.key)

    async def balance(self) -> int:
        return await self.adapter.balance(self.address, LOCAL.native.id)


@pytest_asyncio.fixture(loop_scope="module")
async def wallet(node, adapter):
    made = Wallet(adapter)
    await node.fund(made.address, 100 * TRX)
    await node.mine()
    return made


def charged(signed: SignedTx) -> int:
    return fees.charged_bytes(parse.signed_transaction(signed.raw).raw_data)


async def test_the_network_is_checked(node, adapter):
    await adapter.check()
    other = TronAdapter(MAIN, node.url)
    with pytest.raises(WrongChain):
        await other.check()
    await other.close()


async def test_receive_and_become_final(node, adapter):
    ours = await node.outside_address()
    txid = await node.fund(ours, 7 * TRX)
    assert (await one(adapter.statuses, txid)).state is TxState.PENDING
    assert await adapter.balance(ours, LOCAL.native.id) == 0
    await node.mine()

    tip = await adapter.tip()
    block = await adapter.block(tip.height)
    assert block.ref == tip
    assert [(one.place, one.units) for one in block.movements if one.address == ours] == [
        ("call:", 7 * TRX)
    ]
    assert {one.txid for one in block.movements} == {txid}
    assert block.parent_hash == (await adapter.block(tip.height - 1)).ref.hash
    status = await one(adapter.statuses, txid)
    assert (status.state, status.block) == (TxState.INCLUDED, tip)
    assert await adapter.balance(ours, LOCAL.native.id) == 7 * TRX == await node.balance(ours)
    assert await node.received(txid, ours, LOCAL.native.id) == 7 * TRX

    await node.mine(SOLID_AFTER - 1)
    assert (await adapter.finalized()).height == tip.height - 1
    await node.mine()
    assert await adapter.finalized() == tip
    with pytest.raises(NodeUnavailable):
        await adapter.block(tip.height + SOLID_AFTER + 1)


async def test_send_to_an_account_that_is_new_and_then_is_not(node, adapter, wallet):
    to = await node.outside_address()
    for amount, fee in ((3 * TRX, ACTIVATION), (2 * TRX, 0)):
        before = await wallet.balance()
        signed = await wallet.signed(to, amount)
        assert await one(adapter.broadcast, signed) is Broadcast.ACCEPTED
        assert (await one(adapter.statuses, signed.txid)).state is TxState.PENDING
        await node.mine()
        status = await one(adapter.statuses, signed.txid)
        assert (status.state, left(status)) == (TxState.INCLUDED, fee)
        activation = status.costs.get((LOCAL.native.id, CostKind.ACTIVATION), 0)
        assert activation == (1_000_000 if fee else 0)
        assert await wallet.balance() == before - amount - fee == await node.balance(wallet.address)
        assert await node.received(signed.txid, to, LOCAL.native.id) == amount
    assert await node.balance(to) == 5 * TRX


async def test_bandwidth_exhausted_burns_the_size_to_the_sun(node, adapter, wallet):
    to = await node.outside_address()
    await node.fund(to, 1)
    await node.mine()
    paid = []
    for _ in range(3):
        before = await wallet.balance()
        signed = await wallet.signed(to, TRX)
        await one(adapter.broadcast, signed)
        await node.mine()
        status = await one(adapter.statuses, signed.txid)
        assert await wallet.balance() == before - TRX - left(status)
        paid.append((left(status), charged(signed) * 1000))
    assert [fee for fee, _ in paid[:2]] == [0, 0]
    assert paid[2][0] == paid[2][1] > 250_000

    rest, fee = await wallet.balance(), paid[2][1] + 1000  # a larger amount is one byte longer
    with pytest.raises(InsufficientFunds):
        await wallet.signed(to, rest - fee + 1)
    last = await wallet.signed(to, rest - fee)
    await one(adapter.broadcast, last)
    await node.mine()
    assert left(await one(adapter.statuses, last.txid)) == fee == charged(last) * 1000
    assert await wallet.balance() == 0


async def test_what_prepare_refuses(node, adapter, wallet):
    to = await node.outside_address()
    with pytest.raises(InsufficientFunds):
        await one(adapter.prepare, wallet.intent(to, 100 * TRX - ACTIVATION + 1))
    with pytest.raises(FeeAboveMaximum):
        await one(adapter.prepare, wallet.intent(to, TRX, fee_max=200_000))
    with pytest.raises(InsufficientFunds):
        await one(adapter.prepare, Wallet(adapter).intent(to, 1))


async def test_a_bad_signature_is_refused(node, adapter, wallet):
    signed = await wallet.signed(await node.outside_address(), TRX)
    message = parse.signed_transaction(signed.raw)
    stranger = PrivateKey().sign_recoverable(bytes.fromhex(signed.txid), hasher=None)
    forged = pb.Transaction(raw_data=message.raw_data, signature=[stranger])
    with pytest.raises(BroadcastRejected, match="SIGERROR"):
        await one(
            adapter.broadcast, SignedTx(signed.network, signed.txid, forged.SerializeToString())
        )
    assert (await one(adapter.statuses, signed.txid)).state is TxState.UNKNOWN


async def test_a_payment_no_longer_covered_is_refused(node, adapter, wallet):
    to = await node.outside_address()
    first, second = [await wallet.signed(to, 60 * TRX) for _ in range(2)]
    await one(adapter.broadcast, first)
    with pytest.raises(BroadcastRejected, match="CONTRACT_VALIDATE_ERROR"):
        await one(adapter.broadcast, second)


@pytest.fixture
def short_lives(monkeypatch):
    """Transactions that live for a minute of the chain's time: fewer blocks to mine and search."""
    monkeypatch.setattr("chains.tron.adapter.LIFETIME_MS", 60_000)
    monkeypatch.setattr("chains.tron.adapter.LIFETIME_SPREAD_MS", 6_000)


async def mine_until_as_late_as(node: DevNode, adapter: TronAdapter, lost: SignedTx) -> None:
    """Blocks until the head is not earlier than the expiration, but the block before it is."""
    raw = parse.raw_data(parse.signed_transaction(lost.raw).raw_data)
    head = await adapter.block((await adapter.tip()).height)
    await node.mine(-(-(raw.expiration - head.timestamp * 1000) // 3000))


async def test_refused_once_is_not_known_the_next_time(node, adapter, wallet):
    """The node remembers the id of what it refused, and calls it a duplicate from then on."""
    to = await node.outside_address()
    first, second = [await wallet.signed(to, 60 * TRX) for _ in range(2)]
    await one(adapter.broadcast, first)
    for code in ("CONTRACT_VALIDATE_ERROR", "DUP_TRANSACTION_ERROR", "DUP_TRANSACTION_ERROR"):
        with pytest.raises(BroadcastRejected, match=code):
            await one(adapter.broadcast, second)
    assert (await one(adapter.statuses, second.txid)).state is TxState.UNKNOWN


async def test_broadcast_twice(node, adapter, wallet):
    signed = await wallet.signed(await node.outside_address(), TRX)
    assert await one(adapter.broadcast, signed) is Broadcast.ACCEPTED
    assert await one(adapter.broadcast, signed) is Broadcast.ALREADY_KNOWN
    await node.mine()
    assert await one(adapter.broadcast, signed) is Broadcast.ALREADY_KNOWN
    assert left(await one(adapter.statuses, signed.txid)) == ACTIVATION


async def test_a_reorganisation_takes_a_deposit_back(node, adapter):
    start = await adapter.tip()
    follower = BlockFollower(start.height + 1, LOCAL.follow_depth, [start])
    ours = await node.outside_address()
    txid = await node.fund(ours, TRX)
    await node.mine(2)
    seen = await followed(adapter, follower)
    assert [type(event) for event in seen] == [Connected, Connected]
    deposit = seen[0].block.movements
    assert ours in [one.address for one in deposit]

    await node.reorg(2)
    assert (await one(adapter.statuses, txid)).state is TxState.PENDING
    assert await adapter.balance(ours, LOCAL.native.id) == 0
    seen = await followed(adapter, follower)
    kinds = [type(event) for event in seen]
    assert kinds == [Disconnected] * 2 + [Connected] * 3
    assert [one for event in seen[2:] for one in event.block.movements] == []

    await node.mine()  # java-tron takes back what replaced blocks held
    (again,) = await followed(adapter, follower)
    assert again.block.movements == deposit, "places and units of before"


async def test_the_sum_of_movements_is_the_balance_of_everybody(node, adapter, wallet):
    """Payers and payees, activations and burned bandwidth; read twice, the same."""
    ours, to = Wallet(adapter), await node.outside_address()
    start = (await adapter.tip()).height - 1  # which made the wallet's account
    paid = []
    for payee in (ours.address, to, ours.address, to, ours.address):
        paid.append(await wallet.signed(payee, 3 * TRX))
        await one(adapter.broadcast, paid[-1])
        await node.mine()
    paid.append(await ours.signed(wallet.address, TRX))
    await one(adapter.broadcast, paid[-1])
    await node.mine()
    moved: Counter[Address] = Counter()
    included: dict[str, Inclusion] = {}
    places = set()
    for height in range(start + 1, (await adapter.tip()).height + 1):
        block = await adapter.block(height)
        assert block == await adapter.block(height)
        included |= {each.txid: each for each in block.included}
        for each in block.movements:
            moved[each.address] += each.units
            places.add(each.place)
    assert places == {"call:", "cost:fee", "cost:activation"}
    for address in (ours.address, to, wallet.address):
        assert moved[address] == await adapter.balance(address, LOCAL.native.id)
    assert [included[each.txid].sender for each in paid[:-1]] == [wallet.address] * 5
    assert included[paid[-1].txid] == Inclusion(paid[-1].txid, ours.address)
    for each in paid:
        status = await one(adapter.statuses, each.txid)
        assert status.block is not None
        block = await adapter.block(status.block.height)
        told = {m.place: -m.units for m in block.movements if cost_kind(m.place)}
        assert told == {cost_place(kind): units for (_, kind), units in status.costs.items()}


async def followed(adapter: TronAdapter, follower: BlockFollower) -> list[Any]:
    events: list[Any] = []
    tip = await adapter.tip()
    while (height := follower.wants(tip)) is not None:
        events += follower.feed(await adapter.block(height))
    return events


async def test_a_lost_reply_to_a_broadcast(node, adapter, wallet):
    signed = await wallet.signed(await node.outside_address(), TRX)
    node.drop_reply()
    with pytest.raises(NodeUnavailable):
        await one(adapter.broadcast, signed)
    assert await one(adapter.broadcast, signed) is Broadcast.ALREADY_KNOWN
    await node.mine()
    assert (await one(adapter.statuses, signed.txid)).state is TxState.INCLUDED


async def test_a_node_that_fails_is_slow_or_away(node, adapter):
    tip = await adapter.tip()
    node.error()
    with pytest.raises(NodeUnavailable):
        await adapter.tip()
    impatient = TronAdapter(LOCAL, node.url, timeout_s=0.1)
    node.delay(5.0)
    with pytest.raises(NodeUnavailable):
        await impatient.tip()
    await impatient.close()
    node.go_away()
    with pytest.raises(NodeUnavailable):
        await adapter.tip()
    node.heal()
    assert await adapter.tip() == tip


async def test_the_chain_survives_a_restart(node, adapter, wallet):
    tip, url, pid = await adapter.tip(), node.url, node._process.pid
    await node.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(NodeUnavailable):
        await adapter.tip()
    await node.stop()
    await node.start()
    assert node.url == url
    assert await adapter.tip() == tip
    assert await wallet.balance() == 100 * TRX


async def test_tronweb_understands_the_local_chain(node, adapter, wallet):
    """The official client reads the same balance and block, builds, signs and sends by itself."""
    to = await node.outside_address()
    with Oracle() as oracle:
        balance = oracle_call(oracle, "tronwebBalance", url=node.url, address=wallet.address)
        assert int(await balance) == 100 * TRX
        sent = await oracle_call(
            oracle,
            "tronwebSend",
            url=node.url,
            privateKey=wallet.key.to_hex(),
            to=to,
            amount=str(TRX),
        )
        assert sent["result"] is True, sent
        await node.mine()
        tip = await adapter.tip()
        block = await oracle_call(oracle, "tronwebBlock", url=node.url, height=tip.height)
    assert block == {"id": tip.hash, "transactions": [sent["txid"]]}
    assert left(await one(adapter.statuses, sent["txid"])) == ACTIVATION
    assert await node.balance(to) == TRX


async def oracle_call(oracle: Oracle, function: str, **arguments):
    """In a thread: the proxy that answers the oracle runs on this loop."""
    return await asyncio.to_thread(oracle.call, function, **arguments)
