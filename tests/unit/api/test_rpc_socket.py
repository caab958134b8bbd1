"""A vault as the wallet of an app over a WebSocket, on a real socket: what is asked, what is told
later, and how a connection ends."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api.rpc import socket as sockets
from api.rpc import subscriptions
from api.rpc.bounds import Bounds
from api.rpc.heads import Head, Heads, Listener
from chains.errors import NodeUnavailable
from custody.apikeys.model import Scope
from custody.apikeys.service import authenticate, revoke_key
from custody.workers.logs import configure_logging
from tests.unit.api.counter import OUTSIDE, Counter
from tests.unit.api.rpc_app import ALIAS, PAGE, App, made_token, sent, transfers

TOPIC = "0x" + "dd" * 32


class Chain:
    """Blocks that a node tells of. `branch`: of hashes."""

    def __init__(self) -> None:
        self.blocks: list[dict[str, Any]] = []
        self.logs: dict[str, list[dict[str, Any]]] = {}
        self.add()

    def add(self, branch: str = "a") -> dict[str, Any]:
        number = len(self.blocks)
        parent = self.blocks[-1]["hash"] if self.blocks else "0x0"
        block: dict[str, Any] = {
            "number": hex(number),
            "hash": f"0x{branch}{number}",
            "parentHash": parent,
            "transactions": ["0x1"],
        }
        self.blocks.append(block)
        self.logs[block["hash"]] = [{"blockHash": block["hash"], "removed": False}]
        return block

    async def ask(self, method: str, params: Any) -> Any:
        if method == "eth_getBlockByNumber":
            return self.blocks[-1]
        if method == "eth_getBlockByHash":
            return next((each for each in self.blocks if each["hash"] == params[0]), None)
        assert method == "eth_getLogs"
        return self.logs[params[0]["blockHash"]]


class Wire:
    """One end of a connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.told: list[Any] = []

    async def ask(self, method: str, *params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": method, "method": method, "params": list(params)}
        await self.socket.send(json.dumps(request))
        while True:
            found = await self.next()
            if found.get("id") == method:
                return found
            self.told.append(found)

    async def next(self) -> Any:
        return json.loads(await asyncio.wait_for(self.socket.recv(), 10))

    async def notified(self) -> Any:
        """The next notification's subscription and result."""
        found = self.told.pop(0) if self.told else await self.next()
        assert found["method"] == "eth_subscription"
        return found["params"]["subscription"], found["params"]["result"]


@pytest_asyncio.fixture
async def port(counter: Counter) -> AsyncIterator[int]:
    config = uvicorn.Config(
        counter.app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off"
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task
    for each in counter.app.state.heads.values():
        await each.close()


def opened(port: int, path: str, **headers: str) -> connect:
    return connect(f"ws://127.0.0.1:{port}{path}", additional_headers=headers)


def by_key(counter: Counter, port: int, key: str = "ask") -> connect:
    path = f"/v1/vaults/{counter.vault_id}/rpc/{ALIAS}"
    return opened(port, path, Authorization=f"Bearer {counter.keys.get(key, key)}")


async def test_requests_are_answered_as_over_http(counter: Counter, port: int):
    app = App(counter)
    mine = await app.address()
    async with by_key(counter, port) as socket:
        wire = Wire(socket)
        assert (await wire.ask("eth_accounts"))["result"] == [mine]
        assert (await wire.ask("eth_sign", "0x"))["error"]["code"] == 4200
        asked = {"from": mine, "to": OUTSIDE[ALIAS], "value": "0x5"}
        waits = (await wire.ask("eth_sendTransaction", asked))["error"]
        assert waits["code"] == -32002
        await socket.send("not JSON")
        assert (await wire.next())["error"]["code"] == -32700
        await socket.send('{"jsonrpc":"2.0","id":1,"id":2,"method":"eth_chainId"}')
        assert (await wire.next())["error"]["code"] == -32700
        await socket.send(json.dumps([{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}]))
        assert [each["result"] for each in await wire.next()] == ["0x7a69"]
    # Another connection, by HTTP, finds the same.
    assert (await app.pay())["data"]["transfer"] == waits["data"]["transfer"]


async def test_who_left_before_the_answer_was_told_nothing(counter: Counter, port: int):
    """However long after: the same request is the same payment."""
    app = App(counter)
    mine = await app.address()
    asked = {"from": mine, "to": OUTSIDE[ALIAS], "value": "0x5"}
    counter.app.state.bounds = Bounds(patience_s=30.0)
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_sendTransaction", "params": [asked]}
    async with by_key(counter, port) as socket:
        await socket.send(json.dumps(request))
        while not (rows := await transfers(counter)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        socket.transport.abort()
    await sent(app, rows[0].id, "0x" + "ab" * 32)
    await asyncio.sleep(0.3)
    counter.clock.now = counter.clock.now.replace(hour=9)
    async with by_key(counter, port) as socket:
        found = await Wire(socket).ask("eth_sendTransaction", asked)
    assert found["result"] == "0x" + "ab" * 32
    assert len(await transfers(counter)) == 1


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("ck_nobody", None),
        ("transfer", None),
        ("ask", "/v1/vaults/vlt_00000000000000000000000000/rpc/ethereum-local"),
        ("ask", "/v1/rpc/cu_00000000000000000000000000_" + "a" * 43),
    ],
)
async def test_who_may_not_ask_is_not_let_in(
    counter: Counter, port: int, key: str, path: str | None
):
    path = path or f"/v1/vaults/{counter.vault_id}/rpc/{ALIAS}"
    with pytest.raises(InvalidStatus) as caught:
        async with opened(port, path, Authorization=f"Bearer {counter.keys.get(key, key)}"):
            pass
    assert caught.value.response.status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example.org", None])
async def test_pages_of_other_origins_are_kept_out(counter: Counter, port: int, origin: str | None):
    App(counter)
    made = await made_token(counter, PAGE)
    async with opened(port, made["path"], Origin=PAGE) as socket:
        assert (await Wire(socket).ask("eth_chainId"))["result"] == "0x7a69"
    with pytest.raises(InvalidStatus):
        async with opened(port, made["path"], **({} if origin is None else {"Origin": origin})):
            pass


async def test_a_connection_ends_with_its_key(
    counter: Counter, port: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sockets, "DOOR_S", 0.05)
    App(counter)
    key = await counter.new_key(Scope.ASK)
    made = await made_token(counter, key=key)
    async with by_key(counter, port, key) as first, opened(port, made["path"]) as second:
        for socket in (first, second):
            assert "result" in await Wire(socket).ask("eth_chainId")
        async with counter.database.look() as look:
            caller = await authenticate(look, key)
        assert caller is not None
        async with counter.database.write() as session:
            await revoke_key(session, caller.key_id, counter.clock())
        for socket in (first, second):
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.recv(), 10)


async def test_a_message_is_bounded(counter: Counter, port: int):
    App(counter)
    async with by_key(counter, port) as socket:
        await socket.send(" " * (counter.custody.settings.body_bytes_max + 1))
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(socket.recv(), 10)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


async def test_new_blocks_and_their_logs_are_told(counter: Counter, port: int):
    app, chain = App(counter), Chain()
    app.node.relay = chain.ask  # type: ignore[method-assign]
    counter.app.state.heads[app.network] = Heads(chain.ask, look_delay=0.02)
    async with by_key(counter, port) as socket:
        wire = Wire(socket)
        heads = (await wire.ask("eth_subscribe", "newHeads"))["result"]
        logs = (await wire.ask("eth_subscribe", "logs", {"topics": [TOPIC]}))["result"]
        await asyncio.sleep(0.2)
        for _ in range(2):
            chain.add()
        found = [await wire.notified() for _ in range(4)]
        shown = [result for named, result in found if named == heads]
        assert [each["number"] for each in shown] == ["0x1", "0x2"]
        assert all("transactions" not in each for each in shown)
        told = [each for named, each in found if named == logs]
        assert [each["blockHash"] for each in told] == ["0xa1", "0xa2"]
        # Another branch takes the place of both: the logs that are gone are told first.
        del chain.blocks[1:]
        for _ in range(3):
            chain.add("b")
        found = [await wire.notified() for _ in range(8)]
        told = [each for named, each in found if named == logs]
        assert [(each["blockHash"], each["removed"]) for each in told] == [
            ("0xa2", True),
            ("0xa1", True),
            ("0xb1", False),
            ("0xb2", False),
            ("0xb3", False),
        ]
        shown = [each["hash"] for named, each in found if named == heads]
        assert shown == ["0xb1", "0xb2", "0xb3"]
        assert (await wire.ask("eth_unsubscribe", heads))["result"] is True
        assert (await wire.ask("eth_unsubscribe", heads))["result"] is False


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (["newPendingTransactions"], 4200),
        (["syncing"], 4200),
        ([5], 4200),
        (["newHeads", {"x": 1}], -32602),
        (["logs"], -32602),
        (["logs", {}], -32602),
        (["logs", {"topics": [None]}], -32602),
        (["logs", {"topics": [TOPIC], "fromBlock": "0x1"}], -32602),
        (["logs", {"address": [OUTSIDE[ALIAS]] * 101}], -32005),
        ([], -32602),
    ],
)
async def test_what_can_not_be_followed_is_said(
    counter: Counter, port: int, params: list[Any], code: int
):
    App(counter)
    async with by_key(counter, port) as socket:
        assert (await Wire(socket).ask("eth_subscribe", *params))["error"]["code"] == code


async def test_a_connection_has_only_so_many_subscriptions(
    counter: Counter, port: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(subscriptions, "SUBSCRIPTIONS_MAX", 2)
    App(counter)
    async with by_key(counter, port) as socket:
        wire = Wire(socket)
        found = [await wire.ask("eth_subscribe", "newHeads") for _ in range(3)]
        assert found[2]["error"]["code"] == -32005
        assert (await wire.ask("eth_unsubscribe", found[0]["result"]))["result"] is True
        assert "result" in await wire.ask("eth_subscribe", "newHeads")


async def test_a_caller_has_only_so_many_connections(
    counter: Counter, port: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("api.rpc.bounds.CONNECTIONS_MAX", 1)
    App(counter)
    async with by_key(counter, port):
        with pytest.raises(InvalidStatus):
            async with by_key(counter, port):
                pass


async def test_a_node_that_is_away_costs_no_block():
    chain, fails = Chain(), [NodeUnavailable("away")]

    async def ask(method: str, params: Any) -> Any:
        if fails:
            raise fails.pop()
        return await chain.ask(method, params)

    heads = Heads(ask, look_delay=0.01)
    with heads.listening() as listener:
        await asyncio.sleep(0.1)
        chain.add()
        fails.append(NodeUnavailable("away"))
        chain.add()
        told = [await asyncio.wait_for(listener.next(), 5) for _ in range(2)]
    assert [each and each.header["number"] for each in told] == ["0x1", "0x2"]
    await heads.close()


async def test_who_reads_too_slowly_is_ended_and_not_left_out():
    listener = Listener()
    for number in range(600):
        listener.tell([Head({"number": number, "hash": str(number)})])
    seen = 0
    while await listener.next() is not None:
        seen += 1
    assert 0 < seen < 600


async def test_the_servers_own_log_has_no_token(
    counter: Counter, port: int, caplog: pytest.LogCaptureFixture
):
    """It would write down the path of each WebSocket."""
    configure_logging()
    made = await made_token(counter)
    App(counter)
    with caplog.at_level(logging.DEBUG, logger="uvicorn.error"):
        async with opened(port, made["path"]) as socket:
            await Wire(socket).ask("eth_chainId")
    secret = made["path"].rpartition("_")[2]
    assert "/v1/rpc/cu_" in caplog.text
    assert secret not in caplog.text
