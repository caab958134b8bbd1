"""The adapter on a real bitcoind: receive, send, replace, reorganise, and survive a bad line."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chains.adapter import ChainAdapter
from chains.bitcoin import adapter
from chains.bitcoin.adapter import BitcoinAdapter
from chains.bitcoin.rpc import RpcRefused
from chains.block import output_index
from chains.devnet.node import DevNode
from chains.errors import (
    ClaimUnusable,
    FeeAboveMaximum,
    InsufficientFunds,
    NodeUnavailable,
    TooManyCoins,
    WrongChain,
)
from chains.follow import BlockFollower, Connected, Disconnected
from chains.model import (
    BlockRef,
    Broadcast,
    Coin,
    ConflictKey,
    Excludes,
    TxId,
)
from chains.transaction import TxState
from signer.wire import PAYLOAD_BYTES_MAX
from tests.support.bitcoin import NATIVE, Bench, bench, on_one_loop
from tests.support.costs import left, most
from tests.support.single import one
from tests.unit.bitcoin.support import (
    MAIN,
    P2TR,
    P2WPKH,
    REGTEST,
    intent_of,
    payment,
)

__all__ = ["bench"]

pytestmark = pytest.mark.engine


@on_one_loop
async def test_serves_the_configured_network(bench: Bench) -> None:
    adapter: ChainAdapter = bench.adapter  # the type checker compares the interfaces
    node: DevNode = bench.node
    assert node.network == adapter.codec.network.id
    await adapter.check()
    main = BitcoinAdapter(MAIN, bench.node.url)
    with pytest.raises(WrongChain):
        await main.check()
    await main.close()


@on_one_loop
async def test_addresses_are_those_that_the_engine_derives(bench: Bench) -> None:
    for kind, descriptor in ((P2WPKH, "wpkh({})"), (P2TR, "tr({})")):
        owner = bench.address(kind)
        text = descriptor.format(owner.public_key.hex())
        checked = (await bench.node._ask("getdescriptorinfo", text))["descriptor"]
        assert await bench.node._ask("deriveaddresses", checked) == [owner.address]


@on_one_loop
async def test_the_devnet_mines_a_payment_with_any_lock_time(bench: Bench) -> None:
    """Bitcoin Knots refuses 21 where nobody tells it otherwise, and the wallet that funds us draws
    lock times by lot: once in some hundred runs a payment never came."""
    to = bench.address().address
    sent = await bench.node._ask(
        "send", [{to: "0.001"}], None, "unset", None, {"locktime": 21, "replaceable": True}
    )
    await bench.node.mine()
    assert sent["complete"]
    assert await bench.node.received(TxId(sent["txid"]), to, NATIVE) == 100_000


@on_one_loop
async def test_the_devnet_says_when_the_node_refused_a_payment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wallet answers with a txid, whatever its node thinks of the transaction."""
    ask = bench.node._ask

    async def wallet_only(method: str, *arguments: object) -> Any:
        return "00" * 32 if method == "sendtoaddress" else await ask(method, *arguments)

    monkeypatch.setattr(bench.node, "_ask", wallet_only)
    with pytest.raises(RpcRefused, match="getrawtransaction"):
        await bench.node.fund(bench.address().address, 1000)


@on_one_loop
async def test_several_payments_are_one_transaction_also_twice_to_one_payee(bench: Bench) -> None:
    coins = await bench.receive(P2WPKH, P2TR)
    to, other = [await bench.node.outside_address() for _ in range(2)]
    pays = tuple(payment(address, units) for address, units in ((to, 7_000), (other, 8_000)) * 2)
    intent = replace(await bench.intent(coins, 7_000), effects=pays)
    tx = await bench.prepared(intent)
    assert Counter(bench.adapter.codec.summarize(tx).effects) == Counter(pays)
    signed = bench.signed(tx)
    assert await one(bench.adapter.broadcast, signed) is Broadcast.ACCEPTED
    await bench.node.mine()
    assert await bench.node.received(signed.txid, to, NATIVE) == 14_000
    assert await bench.node.received(signed.txid, other, NATIVE) == 16_000


@on_one_loop
async def test_receives_and_sends_both_types_in_one_transaction(bench: Bench) -> None:
    coins = await bench.receive(P2WPKH, P2TR, P2WPKH)
    intent = await bench.intent(coins, 270_000)
    target = intent.payments[0].address
    tx = await bench.prepared(intent)
    summary = bench.adapter.codec.summarize(tx)
    assert set(summary.sources) == {coin.owner.address for coin in coins}

    seen = await bench.node._ask("decodepsbt", _base64(tx.payload))
    assert int(seen["fee"] * 100_000_000) == most(summary)
    assert seen["tx"]["locktime"] == (await bench.adapter.tip()).height

    signed = bench.signed(tx)
    decoded = await bench.node._ask("decoderawtransaction", signed.raw.hex())
    assert decoded["txid"] == signed.txid
    rate = most(summary) * 1000 / decoded["vsize"]
    assert 1000 <= rate < 1010, "the node's minimum, and no more than rounding above it"

    assert await one(bench.adapter.broadcast, signed) is Broadcast.ACCEPTED
    assert await one(bench.adapter.broadcast, signed) is Broadcast.ALREADY_KNOWN
    assert (await one(bench.adapter.statuses, signed.txid)).state is TxState.PENDING
    assert await bench.node.received(signed.txid, target, NATIVE) == 0

    await bench.node.mine()
    status = await one(bench.adapter.statuses, signed.txid)
    tip = await bench.adapter.tip()
    assert (status.state, status.block, left(status)) == (TxState.INCLUDED, tip, most(summary))
    assert await bench.node.received(signed.txid, target, NATIVE) == 270_000
    assert await one(bench.adapter.broadcast, signed) is Broadcast.ALREADY_KNOWN

    block = await bench.adapter.block(tip.height)
    assert {key.text for key in summary.conflict_keys} <= block.consumed.keys()
    [change] = summary.returns
    for address, amount in ((change.address, change.amount), (target, 270_000)):
        assert [each.units for each in block.movements if each.address == address] == [amount]
        assert await bench.adapter.balance(address, NATIVE) == amount
        assert await bench.node.balance(address) == amount
    for coin in coins:
        assert await bench.adapter.balance(coin.owner.address, NATIVE) == 0


@on_one_loop
async def test_broadcast_again_after_every_output_was_spent(bench: Bench) -> None:
    [coin] = await bench.receive(P2TR)
    owner = bench.address()
    intent = intent_of([payment(owner.address, 99_600)], bench.address(), [coin], 500)
    first = bench.signed(await bench.prepared(intent))
    await one(bench.adapter.broadcast, first)
    await bench.node.mine()
    second = await bench.intent([Coin(first.txid, 0, 99_600, owner)], 99_000)
    await one(bench.adapter.broadcast, bench.signed(await bench.prepared(second)))
    await bench.node.mine()
    assert await one(bench.adapter.broadcast, first) is Broadcast.ALREADY_KNOWN


@on_one_loop
async def test_balance_at_the_tip_only(bench: Bench) -> None:
    owner = bench.address(P2TR)
    await bench.node.fund(owner.address, 5000)
    await bench.node.mine()
    tip = await bench.adapter.tip()
    assert await bench.adapter.balance(owner.address, NATIVE, tip) == 5000
    with pytest.raises(NodeUnavailable, match="tip has moved"):
        await bench.adapter.balance(owner.address, NATIVE, BlockRef(tip.height - 1, "00" * 32))


@on_one_loop
async def test_claims_nothing_taken_spent_or_unconfirmed(bench: Bench) -> None:
    coins = await bench.receive(P2WPKH, P2WPKH, P2TR)
    intent = await bench.intent(coins, 50_000)
    first = await one(bench.adapter.claim, intent)
    assert len(first) == 1
    second = await one(bench.adapter.claim, replace(intent, taken=frozenset(first)))
    assert not set(first) & set(second)

    tx = bench.signed(await one(bench.adapter.prepare, replace(intent, claim=first)))
    await one(bench.adapter.broadcast, tx)
    third = await one(bench.adapter.claim, intent)
    assert not set(first) & set(third), "spent in the mempool already"
    await bench.node.mine()

    waiting = bench.address()
    txid = await bench.node.fund(waiting.address, 100_000)
    outputs = (await bench.node._ask("getrawtransaction", txid, True))["vout"]
    [position] = [
        each["n"] for each in outputs if each["scriptPubKey"]["address"] == waiting.address
    ]
    unconfirmed = await bench.intent([Coin(TxId(txid), position, 100_000, waiting)], 50_000)
    with pytest.raises(InsufficientFunds):
        await one(bench.adapter.claim, unconfirmed)
    await bench.node.mine()
    assert await one(bench.adapter.claim, unconfirmed)


@on_one_loop
async def test_a_coinbase_is_spendable_at_the_height_the_credit_says(bench: Bench) -> None:
    owner = bench.address()
    await bench.node._ask("generatetoaddress", 1, owner.address)
    block = await bench.adapter.block((await bench.adapter.tip()).height)
    [credit] = [each for each in block.movements if each.address == owner.address]
    assert credit.mature_height is not None
    intent = await bench.intent(
        [Coin(credit.txid, output_index(credit.place), credit.units, owner)], 1_000_000
    )
    await bench.node.mine(credit.mature_height - 2 - block.ref.height)
    with pytest.raises(InsufficientFunds):
        await one(bench.adapter.claim, intent)
    await bench.node.mine()
    signed = bench.signed(await bench.prepared(intent))
    assert await one(bench.adapter.broadcast, signed) is Broadcast.ACCEPTED
    await bench.node.mine()
    status = await one(bench.adapter.statuses, signed.txid)
    assert status.block is not None and status.block.height == credit.mature_height


@on_one_loop
async def test_what_can_not_be_prepared(bench: Bench) -> None:
    coins = await bench.receive(P2WPKH, P2TR)
    intent = await bench.intent(coins, 50_000)
    with pytest.raises(InsufficientFunds):
        await one(bench.adapter.claim, await bench.intent(coins, 10**9))
    with pytest.raises(FeeAboveMaximum):
        await one(bench.adapter.claim, replace(intent, costs_max=REGTEST.bounds(10)))
    for useless in ((), (ConflictKey("bip122:0/outpoint:00:0", Excludes.INCLUSION),)):
        with pytest.raises(ClaimUnusable):
            await one(bench.adapter.prepare, replace(intent, claim=useless))
    claim = await one(bench.adapter.claim, intent)
    more = replace(intent, effects=(replace(intent.payments[0], amount=150_000),), claim=claim)
    with pytest.raises(ClaimUnusable):
        await one(bench.adapter.prepare, more)
    with pytest.raises(InsufficientFunds):
        await one(
            bench.adapter.prepare,
            replace(more, coins=(_claimed(coins, [key.text for key in claim]),)),
        )

    await one(
        bench.adapter.broadcast,
        bench.signed(await one(bench.adapter.prepare, replace(intent, claim=claim))),
    )
    # The chain has not spent it yet: a replacement may be prepared over the same claim.
    await one(bench.adapter.prepare, replace(intent, claim=claim))
    await bench.node.mine()
    with pytest.raises(ClaimUnusable, match="spent or gone"):
        await one(bench.adapter.prepare, replace(intent, claim=claim))


@on_one_loop
async def test_coins_that_bring_more_bytes_than_a_signer_takes_are_too_many(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the signer refuses the request as malformed, and that ends the transfer."""
    assert adapter.PSBT_BYTES_MAX <= PAYLOAD_BYTES_MAX
    intent = await bench.intent(await bench.receive(P2WPKH), 50_000)
    claimed = replace(intent, claim=await one(bench.adapter.claim, intent))
    size = len((await one(bench.adapter.prepare, claimed)).payload)
    monkeypatch.setattr(adapter, "PSBT_BYTES_MAX", size)
    await one(bench.adapter.prepare, claimed)
    monkeypatch.setattr(adapter, "PSBT_BYTES_MAX", size - 1)
    with pytest.raises(TooManyCoins):
        await one(bench.adapter.prepare, claimed)


@on_one_loop
async def test_a_reorg_takes_a_transaction_back_and_the_follower_sees_it(bench: Bench) -> None:
    coins = await bench.receive(P2WPKH)
    start = await bench.adapter.tip()
    follower = BlockFollower(start.height, REGTEST.follow_depth)
    await _follow(bench, follower)
    signed = bench.signed(await bench.prepared(await bench.intent(coins, 40_000)))
    await one(bench.adapter.broadcast, signed)
    await bench.node.mine(2)
    assert len(await _follow(bench, follower)) == 2
    included = await one(bench.adapter.statuses, signed.txid)
    assert included.block is not None

    await bench.node.reorg(2)
    assert (await one(bench.adapter.statuses, signed.txid)).state is TxState.PENDING
    events = await _follow(bench, follower)
    assert [type(each) for each in events] == [Disconnected] * 2 + [Connected] * 3
    assert follower.position == await bench.adapter.tip()
    replaced = await bench.adapter.block(included.block.height)
    assert replaced.ref != included.block
    assert await one(bench.adapter.broadcast, signed) is Broadcast.ALREADY_KNOWN

    await bench.node.mine()
    again = await one(bench.adapter.statuses, signed.txid)
    assert again.state is TxState.INCLUDED
    assert again.block != included.block


@on_one_loop
async def test_lost_replies_and_a_node_that_goes_away(bench: Bench) -> None:
    coins = await bench.receive(P2WPKH)
    signed = bench.signed(await bench.prepared(await bench.intent(coins, 30_000)))
    impatient = BitcoinAdapter(REGTEST, bench.node.url, timeout_s=0.3)
    try:
        bench.node.error(1)
        with pytest.raises(NodeUnavailable):
            await impatient.tip()
        bench.node.delay(5.0)
        with pytest.raises(NodeUnavailable):
            await impatient.tip()
        bench.node.go_away()
        with pytest.raises(NodeUnavailable):
            await one(bench.adapter.broadcast, signed)
        bench.node.heal()
        bench.node.drop_reply(2)  # the look into the mempool, then the broadcast itself
        with pytest.raises(NodeUnavailable):
            await one(bench.adapter.broadcast, signed)
        with pytest.raises(NodeUnavailable):
            await bench.adapter._rpc.call("sendrawtransaction", signed.raw.hex())
        assert await one(bench.adapter.broadcast, signed) is Broadcast.ALREADY_KNOWN
    finally:
        bench.node.heal()
        await impatient.close()


@on_one_loop
async def test_a_block_above_the_tip_is_not_there_yet(bench: Bench) -> None:
    tip = await bench.adapter.tip()
    with pytest.raises(NodeUnavailable, match="no block"):
        await bench.adapter.block(tip.height + 1)


@on_one_loop
async def test_restart_keeps_chain_and_mempool(bench: Bench) -> None:
    coins = await bench.receive(P2TR)
    signed = bench.signed(await bench.prepared(await bench.intent(coins, 30_000)))
    await one(bench.adapter.broadcast, signed)
    before = await bench.adapter.tip()
    url = bench.node.url
    await bench.node.stop()
    await bench.node.stop()
    with pytest.raises(NodeUnavailable):
        await bench.adapter.tip()
    await bench.node.start()
    assert bench.node.url == url
    assert await bench.adapter.tip() == before
    assert await one(bench.adapter.broadcast, signed) in Broadcast
    await bench.node.mine()
    assert (await one(bench.adapter.statuses, signed.txid)).state is TxState.INCLUDED


def test_the_password_is_in_no_argument_and_no_log(bench: Bench) -> None:
    process = bench.node._process
    assert process is not None
    password = bench.node._password
    assert password not in Path(f"/proc/{process.pid}/cmdline").read_text()
    assert password not in Path(f"/proc/{process.pid}/environ").read_text(errors="replace")
    assert password not in process.log_path.read_text()


async def _follow(bench: Bench, follower: BlockFollower) -> list[Connected | Disconnected]:
    events: list[Connected | Disconnected] = []
    tip = await bench.adapter.tip()
    while (height := follower.wants(tip)) is not None:
        events += follower.feed(await bench.adapter.block(height))
    return events


def _claimed(coins: Sequence[Coin], claim: Sequence[str]) -> Coin:
    [coin] = [each for each in coins if f":{each.txid}:{each.position}" in claim[0]]
    return coin


def _base64(payload: bytes) -> str:
    return b64encode(payload).decode()
