"""What a node says a call would change, with real contracts: WETH, whose deposit writes no
Transfer, and a swap on Uniswap v2. Each simulation is compared with what the call then did."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from chains.devnet.evm import AnvilNode
from chains.errors import NodeMisbehaved, NotSimulated
from chains.evm import erc20, simulating
from chains.evm.paying import Called
from chains.evm.rpc import NodeConnection
from chains.model import Address, AssetId
from chains.networks import Network
from chains.outcomes import Allowance
from chains.simulation import Method, Simulated, Watch
from tests.support.defi import UNITS, Exchange
from tests.support.evm_tokens import call, habits
from tests.support.networks import find_network

pytestmark = pytest.mark.engine

PAYER = Address("0x3535353535353535353535353535353535353535")
OTHER = Address("0x7777777777777777777777777777777777777777")


class Place:
    """A chain with an exchange, where `PAYER` has 100 coins."""

    def __init__(self, network: Network, node: AnvilNode, exchange: Exchange) -> None:
        self.network = network
        self.node = node
        self.exchange = exchange
        self.connection = NodeConnection(node.url, 10.0)

    def asset(self, contract: Address) -> AssetId:
        return erc20.asset_of(self.network.id, contract)

    async def simulate(
        self, to: Address, value: int, data: bytes, watch: Watch | None = None
    ) -> Simulated:
        call = Called(to, value, data)
        asked = watch or Watch()
        return await simulating.simulate(self.connection, self.network, PAYER, call, asked)


@pytest_asyncio.fixture(params=["ethereum-local", "bsc-local"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    network = find_network(request.param)
    node = AnvilNode(network, tmp_path)
    await node.start()
    try:
        exchange = await Exchange.opened(node, 1_000 * UNITS, 100 * UNITS)
        await node.fund(PAYER, 100 * UNITS)
        await node.mine()
        made = Place(network, node, exchange)
        yield made
        await made.connection.close()
    finally:
        await node.stop()


def without(node: AnvilNode, *methods: str) -> None:
    """As a node that does not know the methods."""

    async def refuse(body: bytes) -> bytes | None:
        rows = json.loads(body)
        if not isinstance(rows, list) or not any(row["method"] in methods for row in rows):
            return None
        missing = {"code": -32601, "message": "the method does not exist/is not available"}
        answers = []
        for row in rows:
            said = {"jsonrpc": "2.0", "id": row["id"]}
            if row["method"] in methods:
                answers.append(said | {"error": missing})
            else:
                answers.append(said | {"result": await node.ask(row["method"], *row["params"])})
        return json.dumps(answers).encode()

    node._faults.refuse(refuse)


def lying(node: AnvilNode, lie: Callable[[Any], Any]) -> None:
    """A node whose answer to a simulation is changed on the way."""

    async def refuse(body: bytes) -> bytes | None:
        rows = json.loads(body)
        if not isinstance(rows, list):
            return None
        answers = []
        for row in rows:
            told = await node.ask(row["method"], *row["params"])
            if row["method"] == "eth_simulateV1":
                told = lie(told)
            answers.append({"jsonrpc": "2.0", "id": row["id"], "result": told})
        return json.dumps(answers).encode()

    node._faults.refuse(refuse)


async def each_way(place: Place, to: Address, value: int, data: bytes) -> Simulated:
    """By a block, and by a trace where the node has nothing else: both must say the same."""
    made = await place.simulate(to, value, data)
    without(place.node, "eth_simulateV1")
    traced = await place.simulate(to, value, data)
    place.node.heal()
    assert (made.method, traced.method) == (Method.BLOCK, Method.TRACE)
    assert (made.changes, made.allowances) == (traced.changes, traced.allowances)
    assert (made.failure is None) == (traced.failure is None)
    if made.failure is not None and traced.failure is not None:
        assert made.failure.data == traced.failure.data
    return made


async def test_a_deposit_that_writes_no_transfer_is_seen(place: Place) -> None:
    weth = place.exchange.weth
    found = await each_way(place, weth, 3 * UNITS, call("deposit()"))
    native = place.network.native.id
    assert found.changes == {native: -3 * UNITS, place.asset(weth): 3 * UNITS}
    assert found.failure is None
    assert await place.exchange.has(weth, PAYER) == 0
    # And back, which takes tokens without a Transfer either.
    await place.exchange.act(PAYER, weth, 5 * UNITS, call("deposit()"))
    found = await each_way(place, weth, 0, call("withdraw(uint256)", 2 * UNITS))
    assert found.changes == {native: 2 * UNITS, place.asset(weth): -2 * UNITS}


async def test_a_swap_changes_what_it_says(place: Place) -> None:
    exchange, native = place.exchange, place.network.native.id
    least = await exchange.out(UNITS)
    found = await each_way(place, exchange.router, UNITS, exchange.buys(least, PAYER))
    assert found.changes == {native: -UNITS, place.asset(exchange.token): least}
    assert found.fee > 0
    await exchange.act(PAYER, exchange.router, UNITS, exchange.buys(least, PAYER))
    assert await exchange.has(exchange.token, PAYER) == least
    # Sold again: what the router may take is asked too, and is used up by it.
    await exchange.act(
        PAYER, exchange.token, 0, call("approve(address,uint256)", exchange.router, least)
    )
    found = await each_way(place, exchange.router, 0, exchange.sells(least // 2, 0, PAYER))
    token = place.asset(exchange.token)
    assert found.changes[token] == -(least // 2)
    assert found.changes[native] > 0
    assert found.allowances == {(token, exchange.router): Allowance(least, least - least // 2)}


async def test_what_would_fail_changes_nothing_and_says_why(place: Place) -> None:
    exchange = place.exchange
    least = await exchange.out(UNITS)
    found = await each_way(place, exchange.router, UNITS, exchange.buys(least + 1, PAYER))
    assert found.changes == {} and found.allowances == {}
    assert found.failure is not None
    assert b"INSUFFICIENT_OUTPUT_AMOUNT" in found.failure.data
    # More than it has: a node that runs nothing then says so, and that is an answer.
    found = await place.simulate(exchange.weth, 200 * UNITS, call("deposit()"))
    assert found.failure is not None and "funds" in found.failure.reason.lower()


async def test_an_allowance_that_a_call_opens_is_seen(place: Place) -> None:
    exchange = place.exchange
    data = call("approve(address,uint256)", OTHER, 77)
    found = await each_way(place, exchange.token, 0, data)
    assert found.changes == {}
    assert found.allowances == {(place.asset(exchange.token), OTHER): Allowance(0, 77)}


async def test_money_that_goes_to_somebody_else_is_seen(place: Place) -> None:
    """The swap's arguments look the same but for who gets the tokens."""
    exchange = place.exchange
    found = await each_way(place, exchange.router, UNITS, exchange.buys(0, OTHER))
    assert found.changes == {place.network.native.id: -UNITS}


async def test_a_listed_token_without_balances_is_the_nodes_fault(place: Place) -> None:
    watch = Watch(frozenset({place.asset(OTHER)}))
    with pytest.raises(NodeMisbehaved):
        await place.simulate(place.exchange.weth, 1, call("deposit()"), watch)


async def test_a_node_that_can_do_neither_says_so(place: Place) -> None:
    without(place.node, "eth_simulateV1", "debug_traceCall")
    with pytest.raises(NotSimulated):
        await place.simulate(place.exchange.weth, 1, call("deposit()"))


def half(told: Any) -> Any:
    """Leaves the last answers out."""
    told[0]["calls"] = told[0]["calls"][:-1]
    return told


def another_state(told: Any) -> Any:
    """As a node that simulates on a block of its own."""
    told[0]["calls"][0]["returnData"] = "0x" + (5).to_bytes(32, "big").hex()
    return told


def succeeds(told: Any) -> Any:
    """A call that failed is said to have run; but its balances did not move."""
    for each in told[0]["calls"]:
        each["status"] = "0x7"
    return told


def nothing(told: Any) -> Any:
    return []


def words_of_two(told: Any) -> Any:
    told[0]["calls"][0]["returnData"] = "1000"
    return told


def no_logs(told: Any) -> Any:
    for each in told[0]["calls"]:
        del each["logs"]
    return told


LIES = [half, another_state, succeeds, nothing, words_of_two, no_logs]


@pytest.mark.parametrize("lie", LIES, ids=lambda each: str(each.__name__))
async def test_a_node_that_lies_badly_is_caught(place: Place, lie: Callable[[Any], Any]) -> None:
    lying(place.node, lie)
    with pytest.raises(NodeMisbehaved):
        await place.simulate(place.exchange.weth, UNITS, call("deposit()"))


async def test_a_node_that_lies_in_its_second_answer_is_caught(place: Place) -> None:
    """What a log names is asked in a second simulation; the call must do the same in it."""
    answers = []

    def lie(told: Any) -> Any:
        answers.append(told)
        if len(answers) > 1:
            calls = told[0]["calls"]
            after = 1 + len(calls) // 2
            calls[after]["returnData"] = "0x" + (10**19).to_bytes(32, "big").hex()
        return told

    lying(place.node, lie)
    with pytest.raises(NodeMisbehaved):
        await place.simulate(place.exchange.weth, UNITS, call("deposit()"))
    assert len(answers) == 2


async def test_what_tells_no_balance_is_no_asset(place: Place) -> None:
    """A contract that writes a log and knows no balances: the pool's router is one."""
    token = await habits(place)
    found = await place.simulate(token.contract, 0, call("transfer(address,uint256)", OTHER, 0))
    assert found.failure is None and found.changes == {}
