"""What a call did, measured after it is in a block, with real contracts: a deposit that writes no
Transfer, and a swap between two others of a front-runner's (a sandwich)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from chains.devnet.evm import AnvilNode
from chains.effects import Call
from chains.evm import erc20
from chains.evm.adapter import EvmAdapter
from chains.model import Address, AssetId, BlockRef, TxId
from chains.networks import Network
from chains.outcomes import Bound, breaches
from custody.outcomes.comparing import changes_of
from custody.outcomes.model import Bounded
from tests.support.defi import UNITS, Exchange
from tests.support.evm_tokens import call
from tests.support.networks import find_network

pytestmark = pytest.mark.engine

PAYER = Address("0x3535353535353535353535353535353535353535")
RUNNER = Address("0x7777777777777777777777777777777777777777")
GWEI = 10**9


class Place:
    """A chain with an exchange, where `PAYER` and `RUNNER` have coins. Blocks take what pays more
    first."""

    def __init__(self, network: Network, node: AnvilNode, exchange: Exchange) -> None:
        self.network = network
        self.node = node
        self.exchange = exchange
        self.adapter = EvmAdapter(network, node.url)

    def asset(self, contract: Address) -> AssetId:
        return erc20.asset_of(self.network.id, contract)

    async def offer(self, who: Address, value: int, data: bytes, price: int, to: Address) -> TxId:
        """Into the pool, for so many gwei a unit of gas."""
        await self.node.ask("anvil_impersonateAccount", who)
        row = {"from": who, "to": to, "value": hex(value), "data": "0x" + data.hex()}
        row |= {"gas": hex(400_000), "gasPrice": hex(price * GWEI)}
        return TxId(await self.node.ask("eth_sendTransaction", row))

    async def included(self, txid: TxId) -> tuple[BlockRef, bool]:
        receipt = await self.node.ask("eth_getTransactionReceipt", txid)
        where = BlockRef(int(receipt["blockNumber"], 16), receipt["blockHash"])
        return where, receipt["status"] == "0x1"

    def wanted(self, to: Address, value: int, *bounds: Bound) -> Bounded:
        told = Call(to, "f()", (), value)
        return Bounded("tfr", "vlt", self.network.id, PAYER, told, bounds)

    async def sandwiched(self, value: int, least: int) -> TxId:
        """The payer's swap behind a large one of the runner's and before his way back."""
        exchange = self.exchange
        await self.offer(RUNNER, 50 * UNITS, exchange.buys(0, RUNNER), 90, exchange.router)
        txid = await self.offer(PAYER, value, exchange.buys(least, PAYER), 60, exchange.router)
        back = exchange.sells(10 * UNITS, 0, RUNNER)
        await self.offer(RUNNER, 0, back, 30, exchange.router)
        await self.node.mine()
        return txid


@pytest_asyncio.fixture(params=["ethereum-local", "bsc-local"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    network = find_network(request.param)
    node = AnvilNode(network, tmp_path)
    await node.start()
    try:
        exchange = await Exchange.opened(node, 1_000 * UNITS, 100 * UNITS)
        for each in (PAYER, RUNNER):
            await node.fund(each, 100 * UNITS)
        await node.mine()
        approve = call("approve(address,uint256)", exchange.router, 10**30)
        await exchange.act(RUNNER, exchange.token, 0, approve)
        made = Place(network, node, exchange)
        yield made
        await made.adapter.close()
    finally:
        await node.stop()


async def test_a_deposit_without_a_transfer_is_measured(place: Place) -> None:
    weth = place.exchange.weth
    txid = await place.offer(PAYER, 3 * UNITS, call("deposit()"), 60, weth)
    await place.offer(RUNNER, UNITS, call("deposit()"), 90, weth)
    # Somebody pays the payer in the same block: no part of what the call did.
    await place.offer(RUNNER, 7 * UNITS, b"", 95, PAYER)
    await place.node.mine()
    where, _ = await place.included(txid)
    native, got = place.network.native.id, place.asset(weth)
    bounds = (Bound(native, at_most=3 * UNITS), Bound(got, at_least=3 * UNITS))
    wanted = place.wanted(weth, 3 * UNITS, *bounds)
    changes = await changes_of(place.adapter, wanted, txid, where)
    assert changes == {native: -3 * UNITS, got: 3 * UNITS}
    assert breaches(bounds, native, 3 * UNITS, changes, {}) == ()


async def test_a_sandwich_is_seen_where_nothing_but_a_word_bounds(place: Place) -> None:
    exchange, native = place.exchange, place.network.native.id
    expected = await exchange.out(UNITS)
    token = place.asset(exchange.token)
    bounds = (Bound(native, at_most=UNITS), Bound(token, at_least=expected * 99 // 100))
    txid = await place.sandwiched(UNITS, 0)
    where, succeeded = await place.included(txid)
    assert succeeded
    changes = await changes_of(
        place.adapter, place.wanted(exchange.router, UNITS, *bounds), txid, where
    )
    assert changes is not None
    assert changes[token] == await exchange.has(exchange.token, PAYER) < expected * 99 // 100
    (broken,) = breaches(bounds, native, UNITS, changes, {})
    assert broken.asset == token and "at least" in str(broken)


async def test_an_argument_lets_the_sandwich_cost_its_fee_alone(place: Place) -> None:
    exchange = place.exchange
    expected = await exchange.out(UNITS)
    txid = await place.sandwiched(UNITS, expected * 99 // 100)
    _, succeeded = await place.included(txid)
    assert not succeeded
    assert await exchange.has(exchange.token, PAYER) == 0
    left = int(await place.node.ask("eth_getBalance", PAYER, "latest"), 16)
    assert 100 * UNITS - left < UNITS // 10  # the coins stayed; only gas was paid
