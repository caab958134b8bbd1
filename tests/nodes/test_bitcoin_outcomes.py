"""What a bitcoin node shows of transactions and coins, and what follows when it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from chains.answers import Answers
from chains.bitcoin import death
from chains.bitcoin.node import Located, Unspent
from chains.errors import (
    BroadcastRejected,
    DeathUnproven,
)
from chains.model import BlockRef, Broadcast, TxId
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
async def test_replacement_proves_its_predecessor_dead_once_final(bench: Bench) -> None:
    coins = await bench.receive(P2WPKH, P2TR)
    slow = await bench.at_fee_rate(coins, 150_000, 1000)
    fast = await bench.at_fee_rate(coins[:1], 50_000, 20_000)
    unrelated = await bench.at_fee_rate(coins[1:], 60_000, 2000)
    assert await one(bench.adapter.broadcast, slow) is Broadcast.ACCEPTED
    assert await one(bench.adapter.broadcast, fast) is Broadcast.ACCEPTED
    assert (await one(bench.adapter.statuses, slow.txid)).state is TxState.UNKNOWN
    assert await one(bench.adapter.proven_dead, slow, await bench.adapter.tip()) is None
    with pytest.raises(BroadcastRejected):
        await one(bench.adapter.broadcast, slow)

    await bench.node.mine()
    included = await bench.adapter.tip()
    below = (await bench.adapter.block(included.height - 1)).ref
    assert await one(bench.adapter.proven_dead, slow, below) is None, "spent, but not final yet"
    stranger = BlockRef(included.height, "00" * 32)
    assert await one(bench.adapter.proven_dead, slow, stranger) is None, "not a block of this chain"
    with pytest.raises(BroadcastRejected):
        await one(bench.adapter.broadcast, slow)

    await bench.node.finalize()
    reason = await one(bench.adapter.proven_dead, slow, included)
    assert reason is not None
    assert f"outpoint:{coins[0].txid}:{coins[0].position}" in reason
    assert fast.txid in reason
    assert await one(bench.adapter.proven_dead, fast, included) is None, "it is what was included"
    assert await one(bench.adapter.proven_dead, unrelated, included) is None, "it could still be"


@on_one_loop
async def test_an_index_that_forgets_kills_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours is final, and the node shows neither it nor its coin: an index that was lost, or the
    second of two nodes behind one address."""
    coins = await bench.receive(P2WPKH)
    signed = await bench.at_fee_rate(coins, 50_000, 1000)
    await one(bench.adapter.broadcast, signed)
    await bench.node.mine()
    final = await bench.adapter.tip()
    await bench.node.finalize()
    view = bench.adapter._node
    locate = view.locate

    async def forgets(txids: Sequence[TxId]) -> Answers[Located | None]:
        shown = zip(txids, await locate(txids), strict=True)
        return [None if txid == signed.txid else each for txid, each in shown]

    monkeypatch.setattr(view, "locate", forgets)
    assert (await one(bench.adapter.statuses, signed.txid)).state is TxState.UNKNOWN
    assert await one(bench.adapter.proven_dead, signed, final) is None


@on_one_loop
async def test_a_coin_that_only_one_of_two_nodes_misses_is_no_proof(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    coins = await bench.receive(P2WPKH)
    unsent = await bench.at_fee_rate(coins, 50_000, 1000)
    await bench.node.finalize()
    final = (await bench.adapter.block((await bench.adapter.tip()).height - 2)).ref
    unspent = bench.adapter._node.unspent

    async def misses(
        outpoints: Sequence[tuple[TxId, int]], *, mempool: bool
    ) -> list[Unspent | None]:
        return [None for _ in outpoints]

    monkeypatch.setattr(bench.adapter._node, "unspent", misses)
    for _ in range(2):
        with pytest.raises(DeathUnproven, match="is gone") as caught:
            await one(bench.adapter.proven_dead, unsent, final)
        assert "txindex" in caught.value.advice
    monkeypatch.setattr(bench.adapter._node, "unspent", unspent)
    assert await one(bench.adapter.proven_dead, unsent, final) is None


@on_one_loop
async def test_a_long_search_goes_on_where_it_stopped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    coins = await bench.receive(P2WPKH)
    slow = await bench.at_fee_rate(coins, 50_000, 1000)
    fast = await bench.at_fee_rate(coins, 40_000, 20_000)
    await one(bench.adapter.broadcast, fast)
    await bench.node.mine(7)
    final = await bench.adapter.tip()
    monkeypatch.setattr(death, "BLOCKS_PER_CALL", 3)
    for _ in range(2):
        with pytest.raises(DeathUnproven):
            await one(bench.adapter.proven_dead, slow, final)
    assert fast.txid in str(await one(bench.adapter.proven_dead, slow, final))


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
