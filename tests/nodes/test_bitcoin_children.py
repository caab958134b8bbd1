"""What a bitcoin node asks of a replacement that is pinned, and of a child that pays for its
parent: our figures against the node's own judgement."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chains.answers import found
from chains.costs import CostKind, costs_in
from chains.errors import (
    BroadcastRejected,
    FeeAboveMaximum,
    InsufficientFunds,
    NothingToHasten,
    ReplacementPinned,
)
from chains.model import Broadcast, Coin, SignedTx, TxId, UnsignedTx
from chains.transaction import TransferIntent
from tests.support.bitcoin import NATIVE, Bench, bench, on_one_loop
from tests.support.single import one
from tests.unit.bitcoin.support import P2TR, P2WPKH, intent_of, payment

__all__ = ["bench"]

pytestmark = pytest.mark.engine
RATE = 20_000
"""Satoshi per 1000 vbytes: what the child's miner asks for."""


async def paid(bench: Bench, *kinds: Any) -> tuple[TransferIntent, UnsignedTx, SignedTx]:
    """A payment that waits at the least that the node takes."""
    coins = await bench.receive(*(kinds or (P2WPKH,)), amount=1_000_000)
    intent = await bench.intent(coins, 300_000)
    unsigned = await bench.prepared(intent)
    signed = bench.signed(unsigned)
    assert await one(bench.adapter.broadcast, signed) is Broadcast.ACCEPTED
    return intent, unsigned, signed


async def pin(bench: Bench, parent: TxId, outputs: int, rate: str = "1.2") -> Any:
    """The payee spends what it was paid in one large transaction of so many outputs."""
    vout = (await bench.node._ask("getrawtransaction", parent, True))["vout"]
    (position,) = [each["n"] for each in vout if round(each["value"] * 10**8) == 300_000]
    to = {await bench.node.outside_address(): "0.00000330" for _ in range(outputs)}
    funded = await bench.node._ask(
        "walletcreatefundedpsbt",
        [{"txid": parent, "vout": position}],
        [{address: amount} for address, amount in to.items()],
        0,
        {"fee_rate": rate, "include_unsafe": True},
    )
    done = await bench.node._ask("walletprocesspsbt", funded["psbt"])
    txid = await bench.node._ask("sendrawtransaction", done["hex"])
    return await bench.node._ask("getmempoolentry", txid)


def outbidding(intent: TransferIntent, tx: UnsignedTx, fee_max: int) -> TransferIntent:
    costs = costs_in(NATIVE, {CostKind.FEE: fee_max})
    return replace(intent, replaces=tx, costs_max=costs, claim=())


@on_one_loop
async def test_a_pinned_payment_s_price_is_what_the_node_takes(bench: Bench) -> None:
    intent, unsigned, signed = await paid(bench)
    before = await bench.adapter.outbid(outbidding(intent, unsigned, 10**6))
    assert (before.fee, before.children) == (before.alone, 0)
    entry = await pin(bench, signed.txid, 500)
    price = await bench.adapter.outbid(outbidding(intent, unsigned, 10**6))
    assert (price.children, price.children_size) == (1, entry["vsize"])
    assert price.children_fee == round(entry["fees"]["base"] * 10**8)
    assert price.fee > 10 * price.alone and price.possible
    with pytest.raises(ReplacementPinned):
        await bench.prepared(outbidding(intent, unsigned, price.fee - 1))
    dearer = bench.signed(await bench.prepared(outbidding(intent, unsigned, price.fee)))
    assert await one(bench.adapter.broadcast, dearer) is Broadcast.ACCEPTED
    with pytest.raises(NothingToHasten):
        await bench.adapter.outbid(outbidding(intent, unsigned, 10**6))


@on_one_loop
async def test_a_satoshi_less_than_the_price_is_refused_by_the_node(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is the least, but for what a signature's length leaves open."""
    intent, unsigned, signed = await paid(bench)
    await pin(bench, signed.txid, 60)
    price = await bench.adapter.outbid(outbidding(intent, unsigned, 10**6))
    relay = bench.adapter._node.relay

    async def cheaper(txids: Any) -> Any:
        rate, children = await relay(txids)
        return rate, [found(fee) - rate // 200 for fee in children]

    monkeypatch.setattr(bench.adapter._node, "relay", cheaper)
    cheap = bench.signed(await bench.prepared(outbidding(intent, unsigned, price.fee)))
    with pytest.raises(BroadcastRejected):
        await one(bench.adapter.broadcast, cheap)


@pytest.fixture
def market(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def rate(*_: Any, **__: Any) -> int:
        return RATE

    monkeypatch.setattr(bench.adapter._node, "fee_rate", rate)


async def arriving(bench: Bench, kind: Any, amount: int = 200_000) -> Coin:
    """What a stranger pays too little for."""
    owner = bench.address(kind)
    options = {"fee_rate": "1"}
    sent = await bench.node._ask(
        "send", [{owner.address: f"0.{amount:08d}"}], None, "unset", None, options
    )
    waits = await bench.adapter.waiting(TxId(sent["txid"]))
    (position,) = [at for at, (address, _) in waits.outputs.items() if address == owner.address]
    return Coin(waits.txid, position, amount, owner)


def hastening(bench: Bench, coin: Coin, amount: int, fee_max: int = 50_000) -> TransferIntent:
    own = payment(bench.address().address, amount)
    return replace(intent_of([own], bench.address(), (coin,), fee_max), hastens=True)


@on_one_loop
@pytest.mark.parametrize("kind", [P2WPKH, P2TR])
async def test_a_child_and_its_parent_pay_the_rate_together(
    bench: Bench, market: None, kind: Any
) -> None:
    coin = await arriving(bench, kind)
    intent = hastening(bench, coin, 100_000)
    child = bench.signed(await bench.prepared(intent))
    assert await one(bench.adapter.broadcast, child) is Broadcast.ACCEPTED
    entry = await bench.node._ask("getmempoolentry", child.txid)
    together = round(entry["fees"]["ancestor"] * 10**8)
    assert entry["ancestorcount"] == 2
    least = entry["ancestorsize"] * RATE // 1000
    assert least <= together <= least + RATE // 500, "but for the length of a signature"
    await bench.node.mine()
    block = await bench.adapter.block((await bench.adapter.tip()).height)
    assert {coin.txid, child.txid} <= {each.txid for each in block.movements}


@on_one_loop
async def test_all_that_waits_before_the_parent_is_paid_for_and_watched(
    bench: Bench, market: None
) -> None:
    first = await arriving(bench, P2WPKH)
    middle = bench.signed(await bench.prepared(hastening(bench, first, 150_000, 10_000_000)))
    await one(bench.adapter.broadcast, middle)
    waits = await bench.adapter.waiting(middle.txid)
    grandparent = await bench.adapter.waiting(first.txid)
    assert grandparent.needs.items() <= waits.needs.items()
    outpoint = f"{bench.adapter.codec.network.id}/outpoint:{first.txid}:{first.position}"
    assert waits.needs[outpoint] == middle.txid
    assert set(waits.needs.values()) == {first.txid, middle.txid}


@on_one_loop
async def test_a_child_that_costs_more_than_it_may_is_not_built(bench: Bench, market: None) -> None:
    coin = await arriving(bench, P2WPKH)
    with pytest.raises(FeeAboveMaximum):
        await bench.prepared(hastening(bench, coin, 100_000, 4_000))
    with pytest.raises(FeeAboveMaximum):
        await one(bench.adapter.claim, hastening(bench, coin, 100_000, 4_000))


@on_one_loop
async def test_nothing_is_built_for_what_does_not_wait(bench: Bench) -> None:
    coin = await arriving(bench, P2WPKH)
    intent = hastening(bench, coin, 100_000)
    await bench.adapter.quote(replace(intent, empties=True))
    await bench.node.mine()
    with pytest.raises(NothingToHasten, match="in a block"):
        await one(bench.adapter.claim, intent)
    with pytest.raises(NothingToHasten):
        await bench.adapter.quote(replace(intent, empties=True))
    with pytest.raises(NothingToHasten):
        await bench.adapter.waiting(coin.txid)


@on_one_loop
async def test_an_unconfirmed_coin_pays_for_nothing_else(bench: Bench) -> None:
    coin = await arriving(bench, P2WPKH)
    with pytest.raises(InsufficientFunds):
        await one(bench.adapter.claim, replace(hastening(bench, coin, 100_000), hastens=False))
