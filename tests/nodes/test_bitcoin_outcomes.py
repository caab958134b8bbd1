"""What a bitcoin node shows of transactions and coins, and what follows when it does not."""

from __future__ import annotations

from typing import Any

import pytest

from chains.errors import (
    BroadcastRejected,
)
from chains.model import Broadcast
from chains.transaction import TxState
from tests.support.bitcoin import NATIVE, Bench, bench, on_one_loop
from tests.support.costs import left
from tests.support.single import one
from tests.unit.bitcoin.support import (
    P2TR,
    P2WPKH,
)

__all__ = ["bench"]

pytestmark = pytest.mark.engine


@on_one_loop
async def test_a_block_shows_by_what_a_coin_was_used_up(bench: Bench) -> None:
    coins = await bench.receive(P2WPKH, P2TR)
    slow = await bench.at_fee_rate(coins, 150_000, 1000)
    fast = await bench.at_fee_rate(coins[:1], 50_000, 20_000)
    assert await one(bench.adapter.broadcast, slow) is Broadcast.ACCEPTED
    assert await one(bench.adapter.broadcast, fast) is Broadcast.ACCEPTED
    assert (await one(bench.adapter.statuses, slow.txid)).state is TxState.UNKNOWN
    with pytest.raises(BroadcastRejected):
        await one(bench.adapter.broadcast, slow)
    await bench.node.mine()
    included = await bench.adapter.block((await bench.adapter.tip()).height)
    first, second = (
        f"{bench.adapter.codec.network.id}/outpoint:{coin.txid}:{coin.position}" for coin in coins
    )
    assert included.consumed[first] == fast.txid
    assert second not in included.consumed


@on_one_loop
async def test_the_fee_is_what_the_coins_held_beyond_the_outputs(bench: Bench) -> None:
    """Nodes before version 25 name none; ours does, and both agree."""
    coins = await bench.receive(P2WPKH, P2TR)
    signed = await bench.at_fee_rate(coins, 120_000, 3000)
    await one(bench.adapter.broadcast, signed)
    await bench.node.mine()
    status = await one(bench.adapter.statuses, signed.txid)
    told = await bench.node._ask("getrawtransaction", signed.txid, 2)
    assert left(status) == round(told["fee"] * 100_000_000) > 0


@on_one_loop
async def test_many_balances_are_one_scan(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    coins = await bench.receive(P2WPKH, P2TR, amount=7_000)
    unused = [bench.address().address for _ in range(40)]
    addresses = [*unused, *(coin.owner.address for coin in coins)]
    scans = []
    scan = bench.adapter._node.scan

    async def counted(*arguments: Any) -> Any:
        scans.append(arguments)
        return await scan(*arguments)

    monkeypatch.setattr(bench.adapter._node, "scan", counted)
    found = await bench.adapter.balances(addresses, NATIVE)
    assert found == dict.fromkeys(unused, 0) | {coin.owner.address: 7_000 for coin in coins}
    assert len(scans) == 1
    assert await bench.adapter.balances([], NATIVE) == {}
