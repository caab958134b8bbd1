"""What a node says without being asked: that it has a new block. Its words are never read.

Whoever listens asks the node then, as it would have done a moment later. So a lie can only make us
ask more often, and silence only makes us ask as seldom as before.

Every function is an endless iteration that ends with NodeUnavailable. Causes are cut off from it,
because a library's messages repeat the URL.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final
from urllib.parse import urlsplit

import zmq.asyncio
from aiohttp import (
    ClientError,
    ClientHandlerType,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ClientWSTimeout,
    DummyCookieJar,
    WSMsgType,
)
from yarl import URL

from chains.errors import NodeUnavailable
from chains.transport.connection import proxy_of
from chains.transport.credentials import Credentials
from chains.transport.endpoint import Endpoint

MESSAGE_BYTES_MAX: Final = 1024 * 1024
CONNECT_S: Final = 10.0
PING_S: Final = 20.0
"""A connection on which nobody answers for so long is dead."""
_REDIRECTS: Final = range(300, 400)


async def websocket(endpoint: Endpoint, method: str, *params: object) -> AsyncGenerator[None]:
    """One item when the subscription stands and one for each message after it: JSON-RPC 2.0 over
    WebSocket, as geth's `eth_subscribe` and Solana's `slotSubscribe`. The endpoint's headers go
    along, and no redirect is followed with them."""
    assert endpoint.push is not None
    url = URL(endpoint.push.get_secret_value(), encoded=True)
    try:
        async with (
            ClientSession(
                cookie_jar=DummyCookieJar(),
                headers=Credentials(endpoint).headers(),
                middlewares=(_refuse_redirects,),
                proxy=proxy_of(endpoint, endpoint.push.get_secret_value()),
                timeout=ClientTimeout(total=CONNECT_S),
                trust_env=False,
            ) as session,
            session.ws_connect(
                url,
                heartbeat=PING_S,
                max_msg_size=MESSAGE_BYTES_MAX,
                timeout=ClientWSTimeout(ws_close=1.0),
            ) as socket,
        ):
            await socket.send_json({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            async for message in socket:
                if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    break
                yield
    except TimeoutError:
        raise NodeUnavailable(f"{endpoint.name} did not answer in time ({CONNECT_S:g} s)") from None
    except (ClientError, OSError, ValueError, RuntimeError) as error:
        kind = type(error).__name__
        raise NodeUnavailable(f"{endpoint.name} announces nothing ({kind})") from None
    raise NodeUnavailable(f"{endpoint.name} has closed the subscription")


async def zeromq(endpoint: Endpoint, topic: bytes) -> AsyncGenerator[None]:
    """One item for each message of a topic (bitcoind's `zmqpub…`). ZeroMQ connects by itself, and
    again after a loss."""
    assert endpoint.push is not None
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.SUB)
    try:
        socket.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES_MAX)
        socket.setsockopt(zmq.RCVHWM, 16)
        socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
        socket.setsockopt(zmq.IPV6, 1)
        socket.subscribe(topic)
        socket.connect(f"tcp://{urlsplit(endpoint.push.get_secret_value()).netloc}")
        while True:
            await socket.recv_multipart()
            yield
    except zmq.ZMQError as error:
        raise NodeUnavailable(f"{endpoint.name} announces nothing (ZeroMQ {error.errno})") from None
    finally:
        socket.close(linger=0)
        context.term()


async def _refuse_redirects(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """A header with a key goes to nobody that the operator has not named."""
    response = await handler(request)
    if response.status in _REDIRECTS:
        response.close()
        raise ClientError("redirected")
    return response
