"""What is left of large answers tells exactly what the whole answers do, and nothing else."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from pydantic_core import from_json

from chains.errors import NodeMisbehaved, NodeUnavailable
from chains.evm import calls, movements, shrink
from tests.support.networks import find_network

ETHEREUM = find_network("ethereum")
KINDS = ("CALL", "CREATE", "CREATE2", "SELFDESTRUCT", "DELEGATECALL", "CALLCODE", "STATICCALL")
SILENT = ("DELEGATECALL", "CALLCODE", "STATICCALL")


def call(rng: random.Random, depth: int) -> dict[str, Any]:
    some = [f"0x{n:040x}" for n in range(1, 5)]
    made: dict[str, Any] = {
        "type": rng.choice(KINDS),
        "from": rng.choice(some),
        "to": rng.choice(some),
        "gas": "0xffff",
        "gasUsed": hex(rng.randint(0, 9)),
        "input": "0x" + "00" * 100,
    }
    if made["type"] not in SILENT or rng.random() < 0.5:
        made["value"] = hex(rng.choice((0, 1, 2, 2**255)))
    if rng.random() < 0.2:
        made["error"] = "execution reverted"
    if depth and rng.random() < 0.7:
        made["calls"] = [call(rng, depth - 1) for _ in range(rng.randint(1, 3))]
    return made


def answers(rng: random.Random) -> tuple[dict[str, Any], list[Any], list[Any]]:
    hashes = [f"0x{rng.getrandbits(256):064x}" for _ in range(rng.randint(0, 5))]
    offers = [
        {"maxFeePerGas": "0x9", "maxPriorityFeePerGas": "0x2"} if rng.random() < 0.5 else {}
        for _ in hashes
    ]
    transactions = [
        {
            "hash": each,
            "from": f"0x{5:040x}",
            "nonce": hex(nonce),
            "to": f"0x{7:040x}" if rng.random() < 0.8 else None,
            "value": hex(rng.randint(0, 3)),
            "gasPrice": "0x5",
            "input": "0x" + "11" * 200,
            **offer,
        }
        for nonce, (each, offer) in enumerate(zip(hashes, offers, strict=True))
    ]
    traces: list[Any] = [{"txHash": each, "result": call(rng, 4)} for each in hashes]
    receipts = [
        {
            "transactionHash": each,
            "status": hex(rng.randint(0, 1)),
            "gasUsed": trace["result"]["gasUsed"],
            "effectiveGasPrice": "0x4" if offer else "0x5",
            "contractAddress": f"0x{9:040x}",
            "logs": [{"address": f"0x{3:040x}", "topics": [], "data": "0x00"}],
        }
        for each, trace, offer in zip(hashes, traces, offers, strict=True)
    ]
    block = {
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
    return block, traces, receipts


def carried(answer: Any) -> Any:
    """As it comes out of another process (`chains.transport.offload`)."""
    return from_json(json.dumps(answer).encode(), cache_strings="keys")


def test_the_same_is_told() -> None:
    """Of the block and the receipts by the same fields, of the traces by what calls moved."""
    rng, moved = random.Random(11), 0
    for _ in range(300):
        block, traces, receipts = answers(rng)
        small = [carried(f(x)) for f, x in zip(SHRINKERS, (block, traces, receipts), strict=True)]
        by_traces = movements.read(ETHEREUM, small[0], small[1])
        assert by_traces == movements.read(ETHEREUM, block, shrink.traces(traces), receipts)
        assert by_traces == movements.read(ETHEREUM, *small)
        by_receipts = movements.read(ETHEREUM, small[0], None, small[2])
        assert by_receipts == movements.read(ETHEREUM, block, None, receipts)
        calls_ = [each for each in by_traces.movements if each.place.startswith(("call", "burn"))]
        expected = [
            (place, units)
            for trace in traces
            for place, _, payee, value in calls.moved(trace["result"])
            for units in ((-value, value) if payee else (-value,))
        ]
        assert [(each.place, each.units) for each in calls_] == expected
        moved += len(calls_)
    assert moved > 300


SHRINKERS = (shrink.block, shrink.traces, shrink.receipts)


def test_nothing_else_is_left() -> None:
    block, traces, receipts = answers(random.Random(3))
    small = json.dumps([f(x) for f, x in zip(SHRINKERS, (block, traces, receipts), strict=True)])
    for gone in ('"input"', '"logs"', "11" * 100):
        assert gone in json.dumps([block, traces, receipts]) and gone not in small


def test_what_can_not_be_told_stays_so() -> None:
    block, traces, _ = answers(random.Random(3))
    assert traces
    payer, payee = f"0x{1:040x}", f"0x{2:040x}"
    odd = {"type": "AUTHCALL", "from": payer, "to": payee, "value": "0x1", "gasUsed": "0x0"}
    with pytest.raises(NodeMisbehaved, match="AUTHCALL"):
        shrink.traces([{"result": odd | {"type": "CALL", "calls": [odd]}}])
    with pytest.raises(ValueError, match="without its value"):
        shrink.traces([{"result": {"type": "CALL", "from": payer, "to": payee}}])
    traces[0] = {"txHash": traces[0]["txHash"], "error": "tracing failed"}
    with pytest.raises(NodeUnavailable, match="can't trace"):
        movements.read(ETHEREUM, shrink.block(block), shrink.traces(traces))


def test_a_shape_that_is_no_answer() -> None:
    for each in SHRINKERS:
        with pytest.raises((TypeError, KeyError)):
            each([None])
