"""What payments need on networks that charge otherwise than Ethereum does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from chains.errors import FeeAboveMaximum, InsufficientFunds, NodeMisbehaved
from chains.evm.paying import Called
from chains.evm.quotes import Quote, Wish, quotes
from chains.evm.rpc import NodeConnection, RpcError
from chains.evm.traits import Trait, l1_data_fee
from chains.model import Address
from chains.networks import Network
from chains.transport.jsonrpc import Call
from tests.support.evm_networks import OP_STACK, network_with

PAYER, PAYEE = Address("0x" + "22" * 20), Address("0x" + "11" * 20)
FEES = 21_000 * 15
"""The most of the fee at a base fee of 7 and a tip of 1."""


class Told:
    """Answers of a node, by method."""

    def __init__(self, balance: int, **answers: Any) -> None:
        history = {"gasUsedRatio": [0.5], "reward": [["0x1"]], "baseFeePerGas": ["0x7", "0x7"]}
        self.answers: dict[str, Any] = {
            "eth_feeHistory": history,
            "eth_getTransactionCount": "0x2",
            "eth_getBalance": hex(balance),
            "eth_getCode": "0x",
        } | answers
        self.asked: list[Call] = []

    async def each(self, calls: Sequence[Call]) -> list[Any]:
        self.asked += calls
        return [self._answer(method, params) for method, params in calls]

    def _answer(self, method: str, params: Sequence[Any]) -> Any:
        answer = self.answers[method]
        return answer(params[0]) if callable(answer) else answer


def oracle(data: int, least: int, sample: int) -> Any:
    """Of a chain that takes so much."""
    words = [f"0x{word:064x}" for word in (data, least, sample)]

    def answer(call: Mapping[str, str]) -> str:
        assert call["to"] == l1_data_fee.ORACLE
        asked = [each["data"][:10] for each in l1_data_fee.questions(0)]
        if call["data"].startswith(asked[0]):
            assert 60 < int(call["data"][10:], 16) < 90, "the size of an unsigned payment"
            return words[0]
        return words[2] if int(call["data"][10:], 16) else words[1]

    return answer


async def quote(node: Told, network: Network, data_max: int = 0) -> Quote:
    wish = Wish(PAYER, Called(PAYEE, 5), 10**17, data_max)
    (answer,) = await quotes(cast(NodeConnection, node), network, [wish])
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.mark.parametrize(
    ("balance", "data_max", "expected"),
    [
        (5 + FEES + 1655, 1655, Quote(2, 21_000, 15, 1)),
        (5 + FEES + 1654, 1655, Quote(2, 21_000, 14, 1)),  # the offer shrinks, not the charge
        (10**18, 1654, FeeAboveMaximum),
        (5 + 21_000 * 9 + 1654, 1655, InsufficientFunds),
    ],
)
async def test_what_is_paid_beside_gas_is_kept_ready(
    balance: int, data_max: int, expected: Quote | type[Exception]
):
    node = Told(
        balance, eth_call=oracle(1000, 100, 100 + 10**5)
    )  # 1000 + 100 + 2.1, and half of it
    if isinstance(expected, Quote):
        assert await quote(node, OP_STACK, data_max=data_max) == expected
    else:
        with pytest.raises(expected):
            await quote(node, OP_STACK, data_max=data_max)


async def test_one_set_of_payments_asks_the_oracle_once():
    node = Told(10**18, eth_call=oracle(1, 0, 0))
    wishes = [Wish(PAYER, Called(PAYEE, amount), 10**17, 10) for amount in (1, 10**12, 5)]
    assert len(await quotes(cast(NodeConnection, node), OP_STACK, wishes)) == 3
    assert len([each for each in node.asked if each[0] == "eth_call"]) == 3


async def test_other_networks_have_no_oracle():
    assert await quote(Told(10**18), network_with()) == Quote(2, 21_000, 15, 1)


@pytest.mark.parametrize("answer", ["0x", None, f"0x{1:064x}ff"])
async def test_a_chain_without_an_oracle_is_no_free_one(answer: object):
    with pytest.raises(NodeMisbehaved):
        await quote(Told(10**18, eth_call=answer), OP_STACK, data_max=10)


async def test_an_oracle_that_refuses_stops_the_payment():
    with pytest.raises(RpcError):
        await quote(Told(10**18, eth_call=RpcError(3, "reverted")), OP_STACK, data_max=10)


async def test_gas_that_contains_l1s_part_is_always_estimated():
    """Nitro takes the price of the bytes as gas on top of the 21,000."""
    node = Told(10**18, eth_estimateGas=hex(100_000))
    assert await quote(node, network_with(Trait.L1_GAS)) == Quote(2, 125_000, 15, 1)
    assert await quote(node, network_with()) == Quote(2, 21_000, 15, 1)


async def test_no_tip_is_below_what_the_networks_nodes_take():
    row = network_with(priority_fee_min=25 * 10**9)
    found = await quote(Told(10**18), row)
    assert (found.priority_fee, found.fee_per_gas_max) == (25 * 10**9, 25 * 10**9 + 14)
    generous = {"gasUsedRatio": [1], "reward": [[hex(30 * 10**9)]], "baseFeePerGas": ["0x7"]}
    found = await quote(Told(10**18, eth_feeHistory=generous), row)
    assert found.priority_fee == 30 * 10**9
