"""What waits in a node's mempool: what a replacement has to outbid there, and the coin that a child
spends before it is in a block (BIP-125; child pays for parent).

A child may stand on what others made and can take back, so it is for transactions that pay nobody
else. What has to stay as it is for it ever to be in a block is told whole (`described`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from chains.answers import attempt
from chains.bitcoin.address import AddressFormat
from chains.bitcoin.build import Rival
from chains.bitcoin.codec import outpoint_key
from chains.bitcoin.node import Children, NodeView, Unspent, Waits
from chains.bitcoin.transaction import Transaction
from chains.bitcoin.weight import fee
from chains.errors import ChainError, NothingToHasten
from chains.model import Coin, NetworkId, TxId
from chains.transaction import Outbid, WaitingTx

_EVICTED_MAX: Final = 100
"""Transactions that nodes let go for a replacement (BIP-125 rule 5)."""


@dataclass(frozen=True, slots=True)
class Market:
    """Satoshi per 1000 vbytes: what the node asks for, and for passing a replacement on.
    `children`: what spends a transaction that is to be replaced pays, by its txid. `lifts`: what a
    transaction that waits lacks at that rate, with all that waits before it, by its txid."""

    rate: int
    relay_rate: int = 0
    children: Mapping[TxId, int | ChainError] = field(default_factory=dict)
    lifts: Mapping[TxId, int] = field(default_factory=dict)


async def market_of(
    node: NodeView, rate: int, replaced: Sequence[TxId], parents: Collection[TxId]
) -> Market:
    """`parents`: what children pay for. One that does not wait any more lacks nothing."""
    lifts = {each: _lift(await node.waiting(each), rate) for each in sorted(parents)}
    if not replaced:
        return Market(rate, lifts=lifts)
    relay_rate, children = await node.relay(replaced)
    return Market(rate, relay_rate, dict(zip(replaced, children, strict=True)), lifts)


def _lift(parent: Waits | None, rate: int) -> int:
    return 0 if parent is None else max(0, -(-parent.size * rate // 1000) - parent.fees)


async def young(node: NodeView, coins: Sequence[Coin]) -> dict[Coin, Unspent | ChainError]:
    """Coins in no block that nothing spends. NothingToHasten for every other one."""
    seen = await node.unspent([(coin.txid, coin.position) for coin in coins], mempool=True)
    return {
        coin: attempt(partial(_young, coin, each)) for coin, each in zip(coins, seen, strict=True)
    }


def _young(coin: Coin, seen: Unspent | None) -> Unspent:
    if seen is None:
        raise NothingToHasten(f"{coin.txid} does not wait, or its coin is spent already")
    if seen.confirmations:
        raise NothingToHasten(f"{coin.txid} is in a block")
    return seen


async def still_waiting(
    node: NodeView, coins: Sequence[Coin]
) -> tuple[dict[Coin, Unspent], dict[TxId, Transaction]]:
    """Of the coins those whose transaction waits, spent by another that waits or not, as if they
    were there at the tip; and the transactions that made them."""
    found: dict[Coin, Unspent] = {}
    makers: dict[TxId, Transaction] = {}
    for coin in coins:
        waits = await node.waiting(coin.txid)
        if waits is None or coin.position >= len(waits.transaction.outputs):
            continue
        output = waits.transaction.outputs[coin.position]
        tip = await node.tip()
        found[coin] = Unspent(output.amount, output.script, 0, coinbase=False, best_block=tip.hash)
        makers[coin.txid] = waits.transaction
    return found, makers


async def described(
    node: NodeView, network: NetworkId, addresses: AddressFormat, txid: TxId
) -> WaitingTx:
    """Raises NothingToHasten unless it waits."""
    waits = await node.waiting(txid)
    if waits is None:
        raise NothingToHasten(f"{txid} does not wait in the node's mempool")
    outputs = {}
    for position, output in enumerate(waits.transaction.outputs):
        address = addresses.address_of(output.script)
        if address is not None:
            outputs[position] = address, output.amount
    needs = {
        outpoint_key(network, spent.previous_txid, spent.position).text: each.txid()
        for each in (waits.transaction, *waits.before)
        for spent in each.inputs
    }
    return WaitingTx(txid, outputs, needs)


def outbid_of(rival: Rival, market_rate: int, children: Children) -> Outbid:
    """For a replacement that weighs as much as what it replaces."""
    least = fee(rival.weight, max(market_rate, rival.rate + rival.relay_rate))
    relayed = fee(rival.weight, rival.relay_rate)
    alone = max(least, rival.fee + relayed)
    return Outbid(
        fee=max(alone, rival.fee + rival.children_fee + relayed),
        alone=alone,
        children=children.count,
        children_size=children.size,
        children_fee=rival.children_fee,
        possible=children.count < _EVICTED_MAX,
    )
