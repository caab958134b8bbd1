"""Every way in which a node can fail to answer, in our words and without its URL's secrets."""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from chains.answers import Answers
from chains.block import Reading
from chains.errors import (
    BroadcastRejected,
    BuildError,
    NodeDenied,
    NodeError,
    NodeLimited,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.evm.adapter import EvmAdapter
from chains.evm.paying import Called
from chains.evm.quotes import Quote, Wish, quotes
from chains.evm.rpc import NodeConnection, RpcError
from chains.model import Address, BlockRef, Broadcast, InternalCredits, SignedTx, TxId
from chains.transaction import TxState
from tests.support.costs import left
from tests.support.networks import find_network
from tests.support.single import one

ETHEREUM = find_network("ethereum")
TXID = TxId("0x" + "aa" * 32)
BLOCK = {"number": "0x5", "hash": "0x" + "b5" * 32, "parentHash": "0x" + "b4" * 32}


@dataclass
class ScriptedNode:
    """Answers each method by its script: a result, an {"error": ...}, or raw bytes of a body."""

    script: dict[str, Any] = field(default_factory=dict)
    status: str = "200 OK"
    asked: list[str] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                request = json.loads(await reader.readexactly(length))
                body = (
                    b"[" + b",".join(map(self.answer, request)) + b"]"
                    if isinstance(request, list)
                    else self.answer(request)
                )
                start = f"HTTP/1.1 {self.status}\r\ncontent-length: {len(body)}\r\n\r\n"
                writer.write(start.encode() + body)
                await writer.drain()
        except (OSError, EOFError):
            writer.close()

    def answer(self, request: dict[str, Any]) -> bytes:
        method = request["method"]
        self.asked.append(method)
        scripted = self.script[method]
        if callable(scripted):
            scripted = scripted(*request["params"])
        if isinstance(scripted, bytes):
            return scripted
        answer = {"jsonrpc": "2.0", "id": request["id"]}
        error = scripted.get("error") if isinstance(scripted, dict) else None
        return json.dumps(answer | ({"error": error} if error else {"result": scripted})).encode()


@pytest_asyncio.fixture
async def node() -> AsyncIterator[ScriptedNode]:
    made = ScriptedNode()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest_asyncio.fixture
async def adapter(node: ScriptedNode) -> AsyncIterator[EvmAdapter]:
    url = f"http://user:hunter2@127.0.0.1:{node.port}/v3/hunter2"
    made = EvmAdapter(ETHEREUM, url, timeout_s=1.0)
    yield made
    await made.close()


def _error(code: int, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        ("200 OK", b"<html>", NodeUnavailable),
        ("200 OK", b"[]", NodeMisbehaved),
        ("200 OK", b'{"jsonrpc":"2.0","id":77,"result":"0x1"}', NodeMisbehaved),
        ("200 OK", b'{"jsonrpc":"2.0","id":0}', NodeMisbehaved),
        ("200 OK", _error(-32000, "header not found"), RpcError),
        ("200 OK", {"number": "x"}, NodeMisbehaved),
        ("200 OK", "text", NodeMisbehaved),
        ("200 OK", None, NodeUnavailable),
        ("500 Oops", b"", NodeUnavailable),
        ("429 Slow down", b"", NodeLimited),
        ("401 Who", b"", NodeDenied),
        ("302 Elsewhere", b"", NodeUnavailable),
    ],
)
async def test_bad_answers(
    node: ScriptedNode, adapter: EvmAdapter, status: str, answer: Any, error: type[NodeError]
) -> None:
    node.status, node.script = status, {"eth_getBlockByNumber": answer}
    with pytest.raises(NodeError) as caught:
        await adapter.tip()
    assert type(caught.value) is error
    assert isinstance(caught.value.code, str)


async def test_no_secret_of_the_url_is_ever_told(
    node: ScriptedNode, adapter: EvmAdapter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    node.status, node.script = "500 Oops", {"eth_chainId": b"", "eth_getBlockByNumber": b""}
    nobody = EvmAdapter(ETHEREUM, "http://user:hunter2@127.0.0.1:1/hunter2")
    for call in (adapter.tip, adapter.check, nobody.tip):
        with pytest.raises(NodeUnavailable) as caught:
            await call()
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))
        assert "hunter2" not in repr(caught.value)
    assert "hunter2" not in caplog.text
    await nobody.close()


async def test_silence_ends_at_the_time_limit() -> None:
    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(nothing, "127.0.0.1", 0)
    node = NodeConnection(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", 0.1)
    with pytest.raises(NodeUnavailable, match=r"0\.1 s"):
        await node.call("eth_chainId")
    await node.close()
    server.close()


async def test_wrong_chain(node: ScriptedNode, adapter: EvmAdapter) -> None:
    node.script = {"eth_chainId": "0x38"}
    with pytest.raises(WrongChain, match="56"):
        await adapter.check()


NO_METHOD = _error(-32601, "the method debug_traceBlockByHash does not exist/is not available")


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        ([], InternalCredits.SEEN),
        (NO_METHOD, InternalCredits.UNSEEN),
        (_error(-32004, "Method not supported"), InternalCredits.UNSEEN),
        (_error(-32000, "genesis is not traceable"), InternalCredits.UNKNOWN),
    ],
)
async def test_check_finds_out_whether_the_node_traces(
    node: ScriptedNode, adapter: EvmAdapter, answer: Any, seen: InternalCredits
) -> None:
    node.script = {
        "eth_chainId": "0x1",
        "eth_getBlockByNumber": BLOCK,
        "debug_traceBlockByHash": answer,
    }
    await adapter.check()
    assert adapter.capabilities.internal_credits is seen
    if seen is InternalCredits.UNSEEN:
        node.script["debug_traceBlockByHash"] = []
        await adapter.check()
        assert adapter.capabilities.internal_credits is InternalCredits.SEEN, "it was switched on"


async def test_without_traces_receipts_say_what_succeeded(
    node: ScriptedNode, adapter: EvmAdapter
) -> None:
    tx = {"hash": TXID, "from": "0x" + "33" * 20, "nonce": "0x0", "to": "0x" + "11" * 20}
    tx |= {"value": "0x5", "gasPrice": "0x0"}
    receipt = {"transactionHash": TXID, "status": "0x1", "gasUsed": "0x0", "contractAddress": None}
    receipt["effectiveGasPrice"] = "0x0"
    block = {
        **BLOCK,
        "logsBloom": "0x" + "00" * 256,
        "timestamp": "0x6",
        "miner": "0x" + "22" * 20,
        "transactions": [tx],
    }
    block["baseFeePerGas"] = "0x0"
    node.script = {
        "eth_getBlockByNumber": block,
        "debug_traceBlockByHash": NO_METHOD,
        "eth_getBlockReceipts": [receipt | {"logs": []}],
        "eth_chainId": "0x1",
    }
    await adapter.check()
    found = await adapter.block(5)
    assert found.reading is Reading.WITHOUT_INTERNAL
    assert [(c.txid, c.units) for c in found.movements] == [(TXID, -5), (TXID, 5)]
    assert found.timestamp == 6
    assert node.asked[-1] == "eth_getBlockReceipts"
    node.script["eth_getBlockReceipts"] = []
    with pytest.raises(NodeMisbehaved):
        await adapter.block(5)
    with pytest.raises(NodeMisbehaved, match="block 5 where 6"):
        await adapter.block(6)


@pytest.mark.parametrize(
    ("refusal", "known", "outcome"),
    [
        (_error(-32000, "already known"), {"hash": TXID}, Broadcast.ALREADY_KNOWN),
        (_error(-32000, "nonce too low"), {"hash": TXID}, Broadcast.ALREADY_KNOWN),
        (_error(-32000, "nonce too low: next nonce 4"), None, BroadcastRejected),
        (_error(-32003, "insufficient funds"), None, BroadcastRejected),
        (_error(-32602, "invalid RLP"), None, BroadcastRejected),
        (_error(-32603, "internal error"), None, RpcError),
        (_error(-32005, "limit exceeded"), None, NodeLimited),
        (_error(-32601, "method not found"), None, RpcError),
        (_error(-32603, "internal error"), {"hash": TXID}, Broadcast.ALREADY_KNOWN),
        (TXID, None, Broadcast.ACCEPTED),
        ("0x" + "bb" * 32, None, NodeMisbehaved),
        ("0x", None, NodeMisbehaved),
        (None, None, NodeMisbehaved),
    ],
)
async def test_broadcast(
    node: ScriptedNode, adapter: EvmAdapter, refusal: Any, known: Any, outcome: Any
) -> None:
    node.script = {"eth_sendRawTransaction": refusal, "eth_getTransactionByHash": known}
    tx = SignedTx(ETHEREUM.id, TXID, b"\x02\xc0")
    if isinstance(outcome, Broadcast):
        assert await one(adapter.broadcast, tx) is outcome
    else:
        with pytest.raises((NodeError, BroadcastRejected)) as caught:
            await one(adapter.broadcast, tx)
        assert type(caught.value) is outcome


@pytest.mark.parametrize(
    ("receipt", "canonical", "known", "state"),
    [
        (None, "0x" + "b5" * 32, None, TxState.UNKNOWN),
        (None, "0x" + "b5" * 32, {"hash": TXID}, TxState.PENDING),
        ("0x1", "0x" + "b5" * 32, {"hash": TXID}, TxState.INCLUDED),
        ("0x0", "0x" + "b5" * 32, {"hash": TXID}, TxState.REVERTED),
        ("0x1", "0x" + "c5" * 32, {"hash": TXID}, TxState.PENDING),
        ("0x1", None, {"hash": TXID}, TxState.PENDING),
    ],
)
async def test_status(
    node: ScriptedNode,
    adapter: EvmAdapter,
    receipt: str | None,
    canonical: str | None,
    known: Any,
    state: TxState,
) -> None:
    """A receipt counts only while its block is the one at that height."""
    row = {"blockNumber": "0x5", "blockHash": "0x" + "b5" * 32, "status": receipt}
    prices = {"gasUsed": "0x5208", "effectiveGasPrice": "0x3", "logs": []}
    node.script = {
        "eth_getTransactionReceipt": None if receipt is None else row | prices,
        "eth_getTransactionByHash": known,
        "eth_getBlockByNumber": None if canonical is None else BLOCK | {"hash": canonical},
    }
    status = await one(adapter.statuses, TXID)
    assert status.state is state
    if state in (TxState.INCLUDED, TxState.REVERTED):
        assert status.block == BlockRef(5, "0x" + "b5" * 32)
        assert left(status) == 21000 * 3


async def test_a_contract_that_refuses_is_no_fault_of_the_node(
    node: ScriptedNode, adapter: EvmAdapter
) -> None:
    node.script = {"eth_getCode": "0x00", "eth_estimateGas": _error(3, "execution reverted: no")}
    history = {"gasUsedRatio": [0.5], "reward": [["0x1"]], "baseFeePerGas": ["0x7", "0x7"]}
    node.script |= {"eth_feeHistory": history, "eth_getTransactionCount": "0x2"}
    node.script["eth_getBalance"] = hex(10**18)
    wish = Wish(Address("0x" + "22" * 20), Called(Address("0x" + "11" * 20), 5), 10**17, 0)

    async def quote(wishes: Sequence[Wish]) -> Answers[Quote]:
        return await quotes(adapter._node, adapter.codec.network, wishes)

    with pytest.raises(BuildError, match="refuses"):
        await one(quote, wish)
    node.script["eth_estimateGas"] = _error(-32603, "internal error")
    with pytest.raises(RpcError):
        await one(quote, wish)
    node.script["eth_estimateGas"] = "0x6400"
    assert await one(quote, wish) == Quote(2, 0x6400 + 0x1900, 15, 1)
    plain = Wish(wish.payer, Called(Address("0x" + "33" * 20), 5), 10**17, 0)
    node.script["eth_getCode"] = lambda to, _: "0x" if to == plain.call.to else "0x00"
    node.script["eth_estimateGas"] = _error(3, "execution reverted: no")
    refused, quoted = await quote([wish, plain])
    assert isinstance(refused, BuildError) and quoted == Quote(2, 21_000, 15, 1)


async def test_a_receipt_that_the_next_node_does_not_have_is_no_inclusion(
    node: ScriptedNode, adapter: EvmAdapter
) -> None:
    """Two nodes behind one address: what is judged is one node's answer, not a mixture."""
    row = {"blockNumber": "0x5", "blockHash": "0x" + "b5" * 32, "status": "0x1"}
    receipts = iter([row | {"gasUsed": "0x5208", "effectiveGasPrice": "0x3"}, None])
    node.script = {
        "eth_getTransactionReceipt": lambda txid: next(receipts),
        "eth_getTransactionByHash": {"hash": TXID},
        "eth_getBlockByNumber": BLOCK,
    }
    assert (await one(adapter.statuses, TXID)).state is TxState.PENDING
