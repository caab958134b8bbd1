"""What is left of large answers credits exactly what the whole answers do."""

from __future__ import annotations

import random
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from chains.errors import NodeMisbehaved, NodeUnavailable
from chains.evm import crediting, shrink
from tests.support.networks import find_network

ETHEREUM = find_network("ethereum")
PLAIN = replace(ETHEREUM, parameters=MappingProxyType({"chain_id": 1}))
TYPES = ("CALL", "CREATE", "CREATE2", "SELFDESTRUCT", "DELEGATECALL", "CALLCODE", "STATICCALL")


def call(rng: random.Random, depth: int) -> dict[str, Any]:
    some = [f"0x{n:040x}" for n in range(1, 5)]
    made: dict[str, Any] = {
        "type": rng.choice(TYPES),
        "from": rng.choice(some),
        "to": rng.choice(some),
        "gas": "0xffff",
        "gasUsed": hex(rng.randint(0, 9)),
        "input": "0x" + "00" * 100,
    }
    if made["type"] in shrink.MOVES or rng.random() < 0.5:
        made["value"] = hex(rng.randint(0, 2))
    if rng.random() < 0.2:
        made["error"] = "execution reverted"
    if depth and rng.random() < 0.7:
        made["calls"] = [call(rng, depth - 1) for _ in range(rng.randint(1, 3))]
    return made


def block(rng: random.Random) -> tuple[dict[str, Any], list[Any], list[Any]]:
    hashes = [f"0x{rng.getrandbits(256):064x}" for _ in range(rng.randint(0, 5))]
    transactions = [
        {
            "hash": each,
            "to": f"0x{7:040x}" if rng.random() < 0.8 else None,
            "value": hex(rng.randint(0, 3)),
            "gasPrice": "0x5",
            "input": "0x" + "11" * 200,
            **(
                {"maxFeePerGas": "0x9", "maxPriorityFeePerGas": "0x2"} if rng.random() < 0.5 else {}
            ),
        }
        for each in hashes
    ]
    traces: list[Any] = [{"txHash": each, "result": call(rng, 4)} for each in hashes]
    receipts = [
        {
            "transactionHash": each,
            "status": hex(rng.randint(0, 1)),
            "gasUsed": "0x3",
            "contractAddress": f"0x{9:040x}",
            "logs": [{"data": "0x00"}],
        }
        for each in hashes
    ]
    found = {
        "number": "0x7",
        "hash": "0x" + "aa" * 32,
        "parentHash": "0x" + "bb" * 32,
        "timestamp": "0x1",
        "gasUsed": hex(sum(int(trace["result"]["gasUsed"], 16) for trace in traces)),
        "baseFeePerGas": "0x2",
        "miner": f"0x{8:040x}",
        "logsBloom": "0x" + "00" * 256,
        "transactions": transactions,
        "withdrawals": [{"address": f"0x{6:040x}", "amount": "0x1", "index": "0x0"}],
    }
    return found, traces, receipts


@pytest.mark.parametrize("network", [ETHEREUM, PLAIN])
def test_credits_are_the_same(network: Any) -> None:
    rng, credited = random.Random(11), 0
    for _ in range(300):
        found, traces, receipts = block(rng)
        small = shrink.block(found), shrink.traces(traces), shrink.receipts(receipts)
        whole = crediting.from_traces(network, found, traces, receipts)
        assert crediting.from_traces(network, *small) == whole
        assert crediting.from_traces(network, *small[:2]) == crediting.from_traces(
            network, found, traces
        )
        assert crediting.from_receipts(network, small[0], small[2]) == crediting.from_receipts(
            network, found, receipts
        )
        assert crediting.needs_receipts(network, *small[:2]) == crediting.needs_receipts(
            network, found, traces
        )
        credited += len(whole)
    assert credited > 300


def test_what_can_not_be_credited_stays_so() -> None:
    found, traces, _ = block(random.Random(3))
    assert traces
    payer, payee = f"0x{1:040x}", f"0x{2:040x}"
    odd = {"type": "AUTHCALL", "from": payer, "to": payee, "value": "0x1", "gasUsed": "0x0"}
    traces[0] = {"txHash": traces[0]["txHash"], "result": odd | {"type": "CALL", "calls": [odd]}}
    with pytest.raises(NodeMisbehaved, match="AUTHCALL"):
        crediting.from_traces(ETHEREUM, shrink.block(found), shrink.traces(traces))
    traces[0] = {"txHash": traces[0]["txHash"], "error": "tracing failed"}
    with pytest.raises(NodeUnavailable, match="can't trace"):
        crediting.from_traces(ETHEREUM, shrink.block(found), shrink.traces(traces))


def test_calls_as_deep_as_the_chain_allows() -> None:
    root: dict[str, Any] = {"type": "CALL", "from": "0x1", "to": "0x2", "gasUsed": "0x0"}
    inner = root
    for _ in range(1_024):
        inner["calls"] = [{"type": "CALL", "from": "0x1", "to": "0x3", "value": "0x1"}]
        (inner,) = inner["calls"]
    (trace,) = shrink.traces([{"result": root}])
    assert len(trace["result"]["calls"]) == 1_024
