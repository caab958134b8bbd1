"""Whether a java-tron node tells what contracts pay, from what it does tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chains.block import Reading
from chains.errors import BlockUnreadable
from chains.model import Address, BlockRef, InternalCredits, TxId
from chains.tron import tron_pb2 as pb
from chains.tron.adapter import TronAdapter
from chains.tron.address import to_bytes
from chains.tron.internal import evidence, reading_of
from chains.tron.rpc import InternalTransfer, NodeBlock, NodeTransaction, TransactionInfo
from tests.support.networks import find_network

MAIN = find_network("tron")
WRAPPER = Address(MAIN.text("wrapper"))
# keccak256("Withdrawal(address,uint256)"), as every explorer shows it for WETH9
WITHDRAWAL = bytes.fromhex("7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65")
MOVE = InternalTransfer(b"\x41" * 21, b"\x41" * 21, 1, "call", rejected=False)
PLAIN = TransactionInfo(
    TxId("t"), 7, 7, fee=0, bandwidth_fee=0, bandwidth=1, failure="", internal=()
)
UNWRAPPED = replace(PLAIN, events=((to_bytes(WRAPPER)[1:], WITHDRAWAL),))
SEEN, UNSEEN, UNKNOWN = InternalCredits.SEEN, InternalCredits.UNSEEN, InternalCredits.UNKNOWN


@pytest.mark.parametrize(
    ("infos", "expected"),
    [
        ([], UNKNOWN),
        ([PLAIN], UNKNOWN),
        ([replace(PLAIN, internal=(MOVE,))], SEEN),
        ([UNWRAPPED], UNSEEN),
        ([PLAIN, UNWRAPPED, PLAIN], UNSEEN),
        ([replace(UNWRAPPED, internal=(MOVE,))], SEEN),
        ([UNWRAPPED, replace(PLAIN, internal=(MOVE,))], SEEN),
        ([replace(UNWRAPPED, failure="REVERT")], UNKNOWN),
        # the same event of another contract, which may pay in anything
        ([replace(PLAIN, events=((b"\x0c" * 20, WITHDRAWAL),))], UNKNOWN),
        ([replace(PLAIN, events=((to_bytes(WRAPPER)[1:], b"\x01" * 32),))], UNKNOWN),
    ],
)
def test_evidence(infos: list[TransactionInfo], expected: InternalCredits) -> None:
    assert evidence(infos, WRAPPER) is expected
    without = UNKNOWN if expected is UNSEEN else expected
    assert evidence(infos, None) is without, "a network without the contract"


def test_reading() -> None:
    assert reading_of(False, UNSEEN) is Reading.COMPLETE
    assert reading_of(True, SEEN) is Reading.COMPLETE
    assert reading_of(True, UNSEEN) is Reading.WITHOUT_INTERNAL
    assert reading_of(True, UNKNOWN) is Reading.UNPROVEN


class Node:
    """Answers as a TronRpc: blocks in which a contract ran, with whatever `info` says of it."""

    def __init__(self, *infos: TransactionInfo) -> None:
        self.script = list(infos)

    async def header(self, height: int) -> NodeBlock:
        return NodeBlock(BlockRef(height, MAIN.text("genesis")), "", 0, ())

    async def head(self) -> NodeBlock:
        return NodeBlock(BlockRef(7, "07"), "06", 7, ())

    async def block(self, height: int) -> NodeBlock:
        contract = pb.Contract(type=pb.Contract.TRIGGER_SMART_CONTRACT)
        raw = pb.RawData(contract=[contract]).SerializeToString()
        return NodeBlock(BlockRef(7, "07"), "06", 7, (NodeTransaction(PLAIN.txid, raw, "SUCCESS"),))

    async def infos(self, height: int) -> tuple[TransactionInfo, ...]:
        return (self.script.pop(0) if len(self.script) > 1 else self.script[0],)


def adapter(node: Node) -> TronAdapter:
    made: Any = TronAdapter(MAIN, "http://127.0.0.1:9")
    made._rpc = node
    checked: TronAdapter = made
    return checked


async def test_a_node_that_keeps_none_is_found_out_at_the_start() -> None:
    made = adapter(Node(UNWRAPPED))
    await made.check()
    assert made.capabilities.internal_credits is UNSEEN
    assert (await made.block(7)).reading is Reading.WITHOUT_INTERNAL


async def test_what_can_not_be_known_is_unknown() -> None:
    made = adapter(Node(PLAIN))
    await made.check()
    assert made.capabilities.internal_credits is UNKNOWN
    assert (await made.block(7)).reading is Reading.UNPROVEN


async def test_one_node_that_keeps_none_among_several_is_noticed_and_not_believed() -> None:
    seen = replace(UNWRAPPED, internal=(MOVE,))
    node = Node(seen)
    made = adapter(node)
    await made.check()
    assert made.capabilities.internal_credits is SEEN
    node.script = [UNWRAPPED, seen]
    with pytest.raises(BlockUnreadable) as caught:
        await made.block(7)
    assert "saveInternalTx" in caught.value.advice
    await made.check()
    assert (await made.block(7)).reading is Reading.COMPLETE


async def test_a_node_that_stopped_keeping_them_is_unseen_after_the_next_check() -> None:
    node = Node(replace(UNWRAPPED, internal=(MOVE,)))
    made = adapter(node)
    await made.check()
    node.script = [UNWRAPPED]
    with pytest.raises(BlockUnreadable):
        await made.block(7)
    await made.check()
    assert made.capabilities.internal_credits is UNSEEN
