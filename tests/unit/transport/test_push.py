"""What a subscription sends, what it keeps to itself, and what strangers can do with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from chains.errors import NodeUnavailable
from chains.transport.endpoint import Endpoint, EndpointInvalid, Role
from chains.transport.push import MESSAGE_BYTES_MAX, websocket

SECRET = "s3cr3t-31415926"
Speak = Callable[[web.WebSocketResponse], Awaitable[None]]


class Server:
    """Answers each subscription by `speak` and notes what it was asked with."""

    def __init__(self, speak: Speak) -> None:
        self.heads: list[Any] = []
        self.asked: list[Any] = []
        self.url = ""
        self._speak = speak

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.heads.append(request.headers)
        if request.path == "/elsewhere":
            raise web.HTTPFound("/")
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        self.asked.append(await socket.receive_json())
        await self._speak(socket)
        await socket.close()
        return socket


@asynccontextmanager
async def serving(speak: Speak) -> AsyncIterator[Server]:
    server = Server(speak)
    app = web.Application()
    app.router.add_get("/{rest:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def endpoint(push: str, **fields: Any) -> Endpoint:
    return Endpoint(SecretStr("http://node.invalid"), name="ours", push=SecretStr(push), **fields)


async def count(node: Endpoint) -> tuple[int, str]:
    """How many items there were, and why they ended."""
    found = 0
    try:
        async for _ in websocket(node, "eth_subscribe", "newHeads"):
            found += 1
    except NodeUnavailable as ended:
        return found, str(ended)
    raise AssertionError("a subscription ends with a reason")


async def test_headers_go_along_and_every_message_is_news() -> None:
    async def speak(socket: web.WebSocketResponse) -> None:
        for text in ('{"id": 1, "result": "0x1"}', "not JSON", '{"error": 5}'):
            await socket.send_str(text)
        await socket.send_bytes(b"\x00")

    async with serving(speak) as server:
        node = endpoint(server.url + "/v2/key?a=b", headers={"X-Key": SecretStr(SECRET)})
        assert await count(node) == (4, "ours has closed the subscription")
        assert server.heads[0]["X-Key"] == SECRET
        method = {"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]}
        assert server.asked == [method]


async def test_no_key_follows_a_redirect() -> None:
    async with serving(_say_nothing) as server:
        node = endpoint(f"{server.url}/elsewhere", headers={"X-Key": SecretStr(SECRET)})
        assert await count(node) == (0, "ours announces nothing (ClientError)")
        assert len(server.heads) == 1


async def test_a_message_without_end_ends_the_subscription() -> None:
    async def speak(socket: web.WebSocketResponse) -> None:
        await socket.send_str("x" * (MESSAGE_BYTES_MAX + 1))

    async with serving(speak) as server:
        assert await count(endpoint(server.url)) == (0, "ours has closed the subscription")


async def test_no_secret_is_in_what_people_read() -> None:
    node = endpoint(f"ws://127.0.0.1:1/{SECRET}?key={SECRET}")
    found, reason = await count(node)
    assert found == 0
    assert SECRET not in reason + repr(node)
    assert SECRET in node.secrets()


async def test_letting_go_closes_the_connection() -> None:
    closed = asyncio.Event()

    async def speak(socket: web.WebSocketResponse) -> None:
        await socket.send_str("{}")
        await socket.receive()
        closed.set()

    async with serving(speak) as server:
        found = websocket(endpoint(server.url), "slotSubscribe")
        await anext(found)
        await found.aclose()
        async with asyncio.timeout(30):
            await closed.wait()


@pytest.mark.parametrize(
    "push",
    ["http://a.invalid", "ws://u:p@a.invalid", "tcp://a.invalid", "tcp://a.invalid:1/x", "ws://"],
)
def test_other_urls_are_refused(push: str) -> None:
    with pytest.raises(EndpointInvalid, match="push URL"):
        endpoint(push)


def test_a_witness_announces_nothing() -> None:
    with pytest.raises(EndpointInvalid, match="witness"):
        endpoint("ws://a.invalid", role=Role.WITNESS)


async def _say_nothing(_: web.WebSocketResponse) -> None: ...
