"""What an app asks of an Ethereum wallet, read strictly: each wish that is refused, by its name."""

from __future__ import annotations

from typing import Any

import pytest

from chains.evm.eip1193.faults import RpcFault
from chains.evm.eip1193.reads import LOGS_BLOCKS_MAX, READS, span
from chains.evm.eip1193.transactions import wanted

CHAIN = 31337
TO = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ME = "0x52908400098527886E0F7030069857D2E4169EE7"
PLAIN = {"from": ME, "to": TO, "value": "0x10"}


def refused(**fields: Any) -> tuple[int, str]:
    with pytest.raises(RpcFault) as caught:
        wanted({**PLAIN, **fields}, CHAIN)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("fields", "code", "word"),
    [
        ({"type": "0x3"}, 4200, "type 3"),
        ({"type": "0x4"}, 4200, "type 4"),
        ({"type": "0x7f"}, 4200, "type 127"),
        ({"authorizationList": []}, 4200, "authorizationList"),
        ({"authorizationList": [{"chainId": "0x1"}]}, 4200, "authorizationList"),
        ({"blobs": []}, 4200, "blobs"),
        ({"blobVersionedHashes": []}, 4200, "blobVersionedHashes"),
        ({"maxFeePerBlobGas": "0x1"}, 4200, "maxFeePerBlobGas"),
        ({"sidecars": []}, 4200, "sidecars"),
        ({"accessList": [{"address": TO, "storageKeys": []}]}, 4200, "accessList"),
        ({"to": None}, 4200, "makes a contract"),
        ({"chainId": "0x1"}, 4901, "chain 31337"),
        ({"to": TO.replace("a", "A", 1)}, -32602, "to:"),
        ({"to": "0x" + "00" * 20}, -32602, "to:"),
        ({"to": "0x1234"}, -32602, "to:"),
        ({"to": 7}, -32602, "to:"),
        ({"from": "bc1q"}, -32602, "from:"),
        ({"value": "0x0"}, -32602, "nothing is paid"),
        ({"value": 16}, -32602, "value:"),
        ({"value": "16"}, -32602, "value:"),
        ({"value": "0x"}, -32602, "value:"),
        ({"value": "-0x1"}, -32602, "value:"),
        ({"value": "0x1" + "0" * 64}, -32602, "value:"),
        ({"data": "0x123"}, -32602, "data:"),
        ({"data": "0xzz"}, -32602, "data:"),
        ({"data": "0x12", "input": "0x13"}, -32602, "data and input"),
        ({"gas": "0x0"}, -32602, "gas:"),
        ({"gas": "0x1", "gasLimit": "0x2"}, -32602, "gas and gasLimit"),
        ({"gasPrice": "0x1", "maxFeePerGas": "0x2"}, -32602, "gasPrice"),
        ({"nonce": "seven"}, -32602, "nonce:"),
        ({"maxPriorityFeePerGas": 1}, -32602, "maxPriorityFeePerGas:"),
        ({"gass": "0x1"}, -32602, "gass:"),
    ],
)
def test_a_wish_that_is_refused_is_named(fields: dict[str, Any], code: int, word: str):
    found, message = refused(**fields)
    assert found == code
    assert word in message


@pytest.mark.parametrize("kind", ["0x0", "0x1", "0x2", None])
def test_what_every_client_adds_is_taken(kind: str | None):
    found = wanted(
        {
            **PLAIN,
            "type": kind,
            "nonce": "0x5",
            "chainId": hex(CHAIN),
            "accessList": [],
            "data": "0x",
            "input": "0x",
            "gas": "0x5208",
            "gasLimit": "0x5208",
        },
        CHAIN,
    )
    assert (found.to, found.value, found.data, found.gas) == (TO, 16, b"", 21_000)


def test_a_price_and_a_limit_bound_the_fee():
    asked = wanted({**PLAIN, "gas": "0x5208", "maxFeePerGas": "0x2"}, CHAIN)
    assert asked.fee_max() == 42_000
    assert not asked.needs_gas
    # The gas of a plain payment is known; of a call somebody has to say it.
    assert wanted({**PLAIN, "gasPrice": "0x3"}, CHAIN).fee_max() == 63_000
    called = wanted({**PLAIN, "gasPrice": "0x3", "data": "0x00"}, CHAIN)
    assert called.needs_gas
    assert called.fee_max() is None
    # A contract has a quarter to spare.
    assert called.fee_max(100) == 375
    limited = wanted({**PLAIN, "gas": "0x64", "gasPrice": "0x3", "data": "0x00"}, CHAIN)
    assert limited.fee_max() == 375
    # A tip alone bounds nothing, and neither does a limit.
    assert wanted({**PLAIN, "maxPriorityFeePerGas": "0x3"}, CHAIN).fee_max() is None
    assert wanted({**PLAIN, "gas": "0x5208"}, CHAIN).fee_max() is None


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("eth_call", [], -32602),
        ("eth_call", [{"to": TO}, "latest", {TO: {"balance": "0x1"}}], -32602),
        ("eth_call", [{"to": TO, "authorizationList": []}], 4200),
        ("eth_estimateGas", ["0x"], -32602),
        ("eth_blockNumber", ["latest"], -32602),
        ("eth_getBalance", {"address": TO}, -32602),
        ("eth_feeHistory", ["0x401", "latest", []], -32005),
        ("eth_feeHistory", ["0x0", "latest", []], -32005),
        ("eth_feeHistory", [True, "latest", []], -32005),
        ("eth_feeHistory", ["0x1", "latest", [1] * 21], -32602),
        ("eth_getLogs", [{"adress": TO}], -32602),
        ("eth_getLogs", [{"address": [TO] * 101}], -32005),
        ("eth_getLogs", [{"topics": [["0x1"] * 101]}], -32005),
        ("eth_getLogs", [{"topics": [None] * 5}], -32602),
        ("eth_getLogs", [{"blockHash": "0x1", "fromBlock": "0x1"}], -32602),
        ("eth_getLogs", [{}, {}], -32602),
    ],
)
def test_a_question_that_is_too_large_or_strange_reaches_no_node(
    method: str, params: Any, code: int
):
    with pytest.raises(RpcFault) as caught:
        READS[method](params)
    assert caught.value.code == code


def test_logs_are_asked_for_in_pieces():
    tip = 10_000
    first = tip - LOGS_BLOCKS_MAX + 1
    assert span({"fromBlock": hex(first)}, tip) == {"fromBlock": hex(first), "toBlock": hex(tip)}
    assert span({}, tip) == {"fromBlock": hex(tip), "toBlock": hex(tip)}
    assert span({"blockHash": "0x1"}, tip) == {"blockHash": "0x1"}
    for asked in ({"fromBlock": hex(first - 1)}, {"fromBlock": "earliest", "toBlock": "latest"}):
        with pytest.raises(RpcFault) as caught:
            span(asked, tip)
        assert caught.value.code == -32005
    # Where these stand only a node knows: in a range they would mean something else.
    for asked in ({"fromBlock": "finalized"}, {"toBlock": "safe"}):
        with pytest.raises(RpcFault) as caught:
            span(asked, tip)
        assert caught.value.code == -32602
