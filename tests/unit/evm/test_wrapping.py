"""Coins that become tokens and tokens that become coins, as blocks show them: by logs of the
contract's own, of contracts that are listed so, and never less than the block's filter knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chains.errors import BlockUnreadable
from chains.evm import shrink, transfers, wrapping
from chains.evm.blocks import BlockReader
from chains.model import Address
from tests.unit.evm.test_permits import CONTRACT, ETHEREUM, SIGNER, USDC
from tests.unit.evm.test_uses import MOVED, SENDER, TXID, topic

WRAPPED = replace(USDC, traits=frozenset({"wraps-coin"}), domain=None)
LISTED = replace(ETHEREUM, tokens={WRAPPED.id: WRAPPED})
HASH = "0x" + "aa" * 32


def wrapped(name: str = wrapping.DEPOSIT, units: int = 70, **changes: Any) -> dict[str, Any]:
    row = {"address": CONTRACT, "topics": [name, topic(SIGNER)], "data": f"0x{units:064x}"}
    return row | changes


def test_the_topics_are_those_of_weth9() -> None:
    """Of the events as canonical-weth declares them; its contract runs in tests/integration."""
    assert wrapping.TOPICS == (
        "0xe1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c",
        "0x7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65",
    )


def test_what_is_made_comes_and_what_is_burnt_leaves() -> None:
    logs = [MOVED, wrapped(), wrapped(wrapping.WITHDRAWAL, 30)]
    found = list(wrapping.movements(LISTED, wrapping.told(logs)))
    who = SIGNER.lower()
    assert found == [("wrap:0", WRAPPED.id, who, 70), ("wrap:1", WRAPPED.id, who, -30)]


def test_places_are_the_same_whatever_else_is_shown() -> None:
    alone = wrapping.told([wrapped(), wrapped()])
    assert wrapping.told([MOVED, wrapped(), MOVED, wrapped()]) == alone


@pytest.mark.parametrize(
    "log",
    [
        MOVED,
        wrapped(topics=[]),
        wrapped(topics=[wrapping.DEPOSIT]),
        wrapped(topics=[wrapping.DEPOSIT, topic(SIGNER), topic(SIGNER)]),
        wrapped(topics=[wrapping.DEPOSIT, "0x01" + topic(SIGNER)[4:]]),
        wrapped(data="0x"),
        wrapped(data="0x" + "00" * 64),
    ],
    ids=["a payment", "none", "too few", "too many", "no address", "no number", "two numbers"],
)
def test_other_logs_are_none(log: dict[str, Any]) -> None:
    assert wrapping.told([log]) == []


def test_only_contracts_with_the_trait_are_believed() -> None:
    """Anybody's contract may log that it made tokens."""
    assert list(wrapping.movements(ETHEREUM, wrapping.told([wrapped()]))) == []
    other = "0x" + "35" * 20
    assert list(wrapping.movements(LISTED, wrapping.told([wrapped(address=other)]))) == []


class Node:
    """Shows a block with the logs; `keeps`: methods that show none of them."""

    def __init__(self, *logs: dict[str, Any], keeps: tuple[str, ...] = ()) -> None:
        self._logs, self._keeps = list(logs), keeps
        self.asked: list[str] = []

    async def call(self, method: str, *params: Any, reader: Any = None) -> Any:
        self.asked.append(method)
        shown = [] if method in self._keeps else self._logs
        answer = getattr(self, f"_{method}")(shown)
        return answer if reader is None else reader(answer)

    async def batch(self, calls: Any) -> list[Any]:
        assert not calls
        return []

    def _eth_getBlockByNumber(self, shown: list[Any]) -> Any:
        tx = {"hash": TXID, "from": SENDER, "nonce": "0x3", "to": CONTRACT.lower(), "value": "0x0"}
        return {
            "number": "0x7",
            "hash": HASH,
            "parentHash": "0x" + "bb" * 32,
            "timestamp": "0x1",
            "gasUsed": "0x9",
            "baseFeePerGas": "0x2",
            "miner": "0x" + "08" * 20,
            "logsBloom": transfers.shown([{"logs": self._logs}]),
            "transactions": [tx | {"gasPrice": "0x5", "input": "0xd0e30db0"}],
        }

    def _debug_traceBlockByHash(self, shown: list[Any]) -> Any:
        root = {"from": SENDER, "to": CONTRACT.lower(), "value": "0x0", "type": "CALL"}
        return [{"txHash": TXID, "result": root | {"gasUsed": "0x9", "input": "0x"}}]

    def _eth_getLogs(self, shown: list[Any]) -> Any:
        beside = {"blockHash": HASH, "transactionHash": TXID}
        return [log | beside | {"logIndex": hex(at)} for at, log in enumerate(shown)]

    def _eth_getBlockReceipts(self, shown: list[Any]) -> Any:
        return [
            {
                "transactionHash": TXID,
                "status": "0x1",
                "gasUsed": "0x9",
                "effectiveGasPrice": "0x5",
                "contractAddress": None,
                "logs": shown,
            }
        ]


async def seen(node: Node) -> list[tuple[str, Address, int]]:
    reader = BlockReader(LISTED, node)  # type: ignore[arg-type]
    block = await reader.read(7)
    tokens = [each for each in block.movements if each.asset == WRAPPED.id]
    return [(each.place, each.address, each.units) for each in tokens]


async def test_a_block_without_any_payment_shows_it() -> None:
    assert await seen(Node(wrapped())) == [("wrap:0", SIGNER, 70)]


async def test_a_block_with_payments_shows_both() -> None:
    places = [place for place, _, _ in await seen(Node(MOVED, wrapped()))]
    assert places == ["transfer:0", "transfer:0", "wrap:0"]


async def test_a_node_that_keeps_the_log_back_is_not_believed() -> None:
    """The block's filter knows contract and topic; receipts may still tell."""
    kept = Node(wrapped(), keeps=("eth_getLogs",))
    assert await seen(kept) == [("wrap:0", SIGNER, 70)]
    with pytest.raises(BlockUnreadable, match="keeps logs"):
        await seen(Node(wrapped(), keeps=("eth_getLogs", "eth_getBlockReceipts")))


async def test_others_logs_of_the_name_cost_no_question() -> None:
    node = Node(wrapped(address="0x" + "35" * 20))
    assert await seen(node) == []
    assert not {"eth_getLogs", "eth_getBlockReceipts"} & set(node.asked)


def test_it_comes_out_of_receipts_too() -> None:
    (small,) = shrink.receipts(Node()._eth_getBlockReceipts([wrapped()]))
    assert small["wrapped"] == wrapping.told([wrapped()])
