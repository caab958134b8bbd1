"""The JSON-RPC client against a server that answers as nodes do, and as they should not."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from chains.answers import found
from chains.bitcoin.adapter import BitcoinAdapter
from chains.bitcoin.node import NodeView
from chains.bitcoin.rpc import BitcoinRpc, RpcRefused
from chains.errors import FeeUnknown, NodeError, NodeMisbehaved, NodeUnavailable
from chains.model import Address, BlockRef, TxId
from tests.unit.bitcoin.support import MAIN

USER, PASSWORD = "alice", "s3cr3t/%Wörd"


class Server:
    """Answers every request with `body(request)` and `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.body: Any = lambda request: _replies(request, None)
        self.requests: list[Any] = []
        self.heads: list[str] = []
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = int(head.lower().partition("content-length:")[2].split()[0])
                request = json.loads(await reader.readexactly(length))
                self.heads.append(head)
                self.requests.append(request)
                answer = self.body(request)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                writer.write(
                    f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(data)}\r\n\r\n".encode()
                    + data
                )
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            writer.close()


def _reply(request: Any, result: object, error: object = None) -> dict[str, object]:
    return {"id": request["id"], "result": result, "error": error}


def _replies(request: Any, result: object, error: object = None) -> object:
    if isinstance(request, list):
        return [_reply(each, result, error) for each in reversed(request)]
    return _reply(request, result, error)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, BitcoinRpc]]:
    server = Server()
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{port}"
    rpc = BitcoinRpc(f"http://{USER}:s3cr3t%2F%25W%C3%B6rd@127.0.0.1:{port}/wallet/x", 5.0)
    try:
        yield server, rpc
    finally:
        await rpc.close()
        listener.close()


async def test_a_call_and_its_credentials() -> None:
    async with serving() as (server, rpc):
        server.body = lambda request: b'{"id":%d,"error":null,"result":0.1}' % request["id"]
        assert await rpc.call("getsomething", 1, "two") == Decimal("0.1")
        assert server.requests[0]["method"] == "getsomething"
        assert server.requests[0]["params"] == [1, "two"]
        assert server.heads[0].startswith("POST /wallet/x HTTP/1.1")
        [line] = [each for each in server.heads[0].splitlines() if "uthorization" in each]
        assert base64.b64decode(line.split()[-1]).decode() == f"{USER}:{PASSWORD}"


async def test_batches_are_matched_by_id_not_by_place() -> None:
    async with serving() as (server, rpc):
        server.body = lambda request: [_reply(each, each["method"]) for each in reversed(request)]
        assert await rpc.batch([("a", ()), ("b", ()), ("c", ())]) == ["a", "b", "c"]


ANSWERS: list[tuple[int, object, type[NodeError]]] = [
    (401, b"", NodeUnavailable),
    (403, b"", NodeUnavailable),
    (503, b"Work queue depth exceeded", NodeUnavailable),
    (500, b"injected fault", NodeUnavailable),
    (200, b"", NodeUnavailable),
    (200, b"{", NodeUnavailable),
    (200, b"[]", NodeMisbehaved),
    (200, b"7", NodeMisbehaved),
    (200, b'{"id": 999, "result": 1, "error": null}', NodeMisbehaved),
]


@pytest.mark.parametrize(("status", "body", "error"), ANSWERS)
async def test_useless_answers(status: int, body: bytes, error: type[NodeError]) -> None:
    async with serving() as (server, rpc):
        server.status, server.body = status, lambda _: body
        with pytest.raises(error):
            await rpc.call("getblockcount")


async def test_errors_of_the_node() -> None:
    async with serving() as (server, rpc):
        server.status = 500
        server.body = lambda request: _reply(request, None, {"code": -5, "message": "No such tx"})
        with pytest.raises(RpcRefused, match="No such tx") as caught:
            await rpc.call("getrawtransaction", "00")
        assert caught.value.rpc_code == -5
        server.body = lambda request: _reply(request, None, {"code": -28, "message": "Loading"})
        with pytest.raises(NodeUnavailable, match="starting"):
            await rpc.call("getblockcount")


async def test_a_slow_node() -> None:
    async def silent(*_: object) -> None:
        await asyncio.sleep(1)

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    rpc = BitcoinRpc(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", 0.1)
    with pytest.raises(NodeUnavailable, match="in time"):
        await rpc.call("getblockcount")
    await rpc.close()
    listener.close()


async def test_credentials_never_reach_logs_or_errors(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)  # as talkative as an operator could make it
    texts = []
    async with serving() as (server, rpc):
        await rpc.call("fine")
        for status, body in ((401, b""), (500, b"x"), (200, b"[]")):
            server.status, server.body = status, lambda _, body=body: body
            with pytest.raises(NodeError) as caught:
                await rpc.call("broken")
            texts += [str(caught.value), repr(caught.value), caught.value.advice]
    gone = BitcoinRpc("http://alice:s3cr3t@127.0.0.1:9", 1.0)
    with pytest.raises(NodeUnavailable) as caught_gone:
        await gone.call("x")
    await gone.close()
    texts += [str(caught_gone.value), repr(gone), repr(vars(gone)), caplog.text]
    encoded = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert not any(secret in text for text in texts for secret in ("s3cr3t", encoded))


LIES: list[tuple[object, str]] = [
    ("zz", "hexadecimal"),
    ("00", "can't be read"),
    (
        "0200000001" + "00" * 36 + "00" + "00000000" + "01" + "00" * 9 + "00000000",
        "another transaction",
    ),
]


@pytest.mark.parametrize(("lie", "message"), LIES)
async def test_previous_transactions_are_proven_by_their_hash(lie: str, message: str) -> None:
    async with serving() as (server, rpc):
        server.body = lambda request: _replies(request, lie)
        [answer] = (await NodeView(rpc).transactions({TxId("11" * 32): 7})).values()
        with pytest.raises(NodeMisbehaved, match=message):
            found(answer)


async def test_impossible_amounts_and_rates() -> None:
    async with serving() as (server, rpc):
        node = NodeView(rpc)
        for amount in ("0.000000001", "-1", "21000000.00000001"):
            coin = (
                '{"id":%d,"error":null,"result":{"value":%s,"scriptPubKey":{"hex":""},'
                '"confirmations":1,"coinbase":false,"bestblock":""}}'
            )
            server.body = lambda request, amount=amount, coin=coin: (
                coin % (request["id"], amount)
            ).encode()
            with pytest.raises(NodeMisbehaved, match="can't exist"):
                await node.unspent([(TxId("11" * 32), 0)], mempool=True)


RATES = [
    ({"errors": ["Insufficient data"]}, "0.00001", "0.00001", 1000),
    ({"feerate": 0.00012345}, "0.00001", "0.00001", 12345),
    ({"feerate": 0.00000500}, "0.00001", "0.00001", 1000),
    ({"feerate": 0.00002}, "0.00003", "0.00001", 3000),
    ({"errors": []}, "0.000010001", "0.00001", 1001),
]


@pytest.mark.parametrize(("estimate", "mempool_min", "relay_min", "rate"), RATES)
async def test_fee_rate(estimate: object, mempool_min: str, relay_min: str, rate: int) -> None:
    async with serving() as (server, rpc):

        def body(request: Any) -> bytes:
            first, second = (each["id"] for each in request)
            limits = f'{{"mempoolminfee":{mempool_min},"minrelaytxfee":{relay_min}}}'
            return (
                f'[{{"id":{first},"error":null,"result":{json.dumps(estimate)}}},'
                f'{{"id":{second},"error":null,"result":{limits}}}]'
            ).encode()

        server.body = body
        assert await NodeView(rpc).fee_rate(3, floor_will_do=True) == rate
        if isinstance(estimate, dict) and "feerate" in estimate:
            assert await NodeView(rpc).fee_rate(3, floor_will_do=False) == rate
        else:
            with pytest.raises(FeeUnknown):
                await NodeView(rpc).fee_rate(3, floor_will_do=False)


async def test_a_guessed_block_hash_is_confirmed_before_it_is_believed() -> None:
    """Between two blocks of a follower the node reorganises: the guess is stale."""
    best = {5: "a5" * 32, 6: "a6" * 32}

    def body(request: Any) -> object:
        answers = []
        for each in request if isinstance(request, list) else [request]:
            method, first = each["method"], each["params"][0]
            if method == "getblock":
                answers.append(_reply(each, first[:2]))
            elif first in best:
                answers.append(_reply(each, best[first]))
            else:
                answers.append(_reply(each, None, {"code": -8, "message": "out of range"}))
        return answers if isinstance(request, list) else answers[0]

    async with serving() as (server, rpc):
        server.body = body
        node = NodeView(rpc)
        assert await node.block(5) == (BlockRef(5, "a5" * 32), b"\xa5")
        assert await node.block(6) == (BlockRef(6, "a6" * 32), b"\xa6")
        assert await node.block(5) == (BlockRef(5, "a5" * 32), b"\xa5")
        best.update({6: "b6" * 32, 7: "b7" * 32})
        assert await node.block(6) == (BlockRef(6, "b6" * 32), b"\xb6")
        asked = len(server.requests)
        assert await node.block(7) == (BlockRef(7, "b7" * 32), b"\xb7")
        assert len(server.requests) == asked + 1, "one request for the next block"
        with pytest.raises(NodeUnavailable, match="no block 8"):
            await node.block(8)


async def test_genesis_and_index_are_checked() -> None:
    for index, chain, error in (
        ({"txindex": {"synced": True}}, False, None),
        ({"txindex": {"synced": False}}, False, NodeUnavailable),
        ({"txindex": {"synced": True}}, True, NodeUnavailable),
        ({}, False, NodeMisbehaved),
    ):
        results = {
            "getblockchaininfo": {
                "blocks": 9,
                "bestblockhash": "00",
                "initialblockdownload": chain,
            },
            "getblockhash": MAIN.text("genesis"),
            "getindexinfo": index,
        }
        async with serving() as (server, _rpc):
            server.body = lambda request, results=results: [
                _reply(each, results[each["method"]]) for each in request
            ]
            adapter = BitcoinAdapter(MAIN, server.url)
            try:
                if error is None:
                    await adapter.check()
                else:
                    with pytest.raises(error):
                        await adapter.check()
            finally:
                await adapter.close()


SCRIPTS = {
    bytes.fromhex("0014" + "11" * 20): Address("a"),
    bytes.fromhex("5120" + "22" * 32): Address("b"),
}


@pytest.mark.parametrize(
    ("unspents", "total", "found"),
    [
        ([], "0", {"a": 0, "b": 0}),
        (
            [("0014" + "11" * 20, "0.5"), ("0014" + "11" * 20, "0.25")],
            "0.75",
            {"a": 75000000, "b": 0},
        ),
        (
            [("0014" + "11" * 20, "0.5"), ("5120" + "22" * 32, "1")],
            "1.5",
            {"a": 50000000, "b": 10**8},
        ),
        ([("0014" + "11" * 20, "0.5")], "0.6", None),
        ([("0014" + "33" * 20, "0.5")], "0.5", None),
    ],
)
async def test_one_scan_counts_all_addresses(unspents: Any, total: str, found: Any) -> None:
    def body(request: Any) -> bytes:
        rows = ",".join(f'{{"scriptPubKey":"{s}","amount":{a}}}' for s, a in unspents)
        return (
            f'{{"id":{request["id"]},"error":null,"result":{{"success":true,"height":7,'
            f'"bestblock":"b7","unspents":[{rows}],"total_amount":{total}}}}}'
        ).encode()

    async with serving() as (server, rpc):
        server.body = body
        if found is None:
            with pytest.raises(NodeMisbehaved):
                await NodeView(rpc).scan(SCRIPTS, 1.0)
        else:
            assert await NodeView(rpc).scan(SCRIPTS, 1.0) == (found, BlockRef(7, "b7"))
        [request] = server.requests
        assert request["params"] == ["start", [f"raw({script.hex()})" for script in SCRIPTS]]
