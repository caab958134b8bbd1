"""The doors of the signer's process, in this one: places, handshakes, and how much is held."""

import asyncio
import socket
import ssl
import struct
from contextlib import ExitStack, asynccontextmanager

import pytest

from signer import server as server_module
from signer.endpoint import Endpoint
from signer.gate import Room
from signer.messages import frame, parse_response, read_frame, request
from signer.server import Server, TlsListener, UnixListener
from signer.wire import MESSAGE_BYTES_MAX

STATUS = frame(request("status", {}))
UNKNOWN = frame(request("x" * 500, {}))


@asynccontextmanager
async def serving(folder, uids=frozenset({0})):
    """A locked signer's server, which answers status."""
    server = Server(Endpoint())
    await server.listen_unix(UnixListener(folder / "s.sock", uids))
    try:
        yield server, folder / "s.sock"
    finally:
        await server.close()


async def ask(path, data=STATUS):
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(data)
        return parse_response(await read_frame(reader))
    finally:
        writer.close()


@pytest.fixture(autouse=True)
def our_uid(monkeypatch):
    """Whoever runs the tests counts as user 0."""
    monkeypatch.setattr(server_module, "peer_uid", lambda connection: 0)


# Strangers


async def test_a_stranger_is_told_and_closed_before_a_byte_is_read(tmp_path):
    async with serving(tmp_path, frozenset({4711})) as (server, path):
        for number in range(1, 4):
            reader, writer = await asyncio.open_unix_connection(path)
            answer = await read_frame(reader)
            assert b'"unauthenticated"' in answer and b'"caller"' in answer
            assert await reader.read() == b""
            writer.close()
            assert server._endpoint.strangers == number
        assert not server._connections


async def test_a_stranger_who_reads_nothing_is_closed_too(tmp_path):
    async with serving(tmp_path, frozenset({4711})) as (server, path):
        with ExitStack() as stack:
            for number in range(1, 201):
                deaf = stack.enter_context(socket.socket(socket.AF_UNIX))
                deaf.setblocking(False)
                await asyncio.get_running_loop().sock_connect(deaf, str(path))
                await until(lambda wanted=number: server._endpoint.strangers == wanted)
            assert not server._connections


# TLS handshakes


class Silent:
    """Connections that never begin a handshake."""

    def __init__(self, port, stack):
        self.port, self.stack = port, stack

    async def connect(self):
        silent = self.stack.enter_context(socket.socket())
        silent.setblocking(False)
        await asyncio.get_running_loop().sock_connect(silent, ("127.0.0.1", self.port))
        return silent


@asynccontextmanager
async def tls(folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    async with serving(folder) as (server, path):
        port = await server.listen_tls(TlsListener("127.0.0.1", 0, context, frozenset({"x"})))
        with ExitStack() as stack:
            yield server, path, Silent(port, stack)


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)


async def test_a_handshake_has_a_short_time(tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "_HANDSHAKE_SECONDS", 0.05)
    async with tls(tmp_path) as (server, _, silent):
        connection = await silent.connect()
        received = await asyncio.get_running_loop().sock_recv(connection, 100)
        assert received == b""
        await until(lambda: not server._connections and not server._handshakes)


async def test_handshakes_are_few_and_the_oldest_makes_way(tmp_path):
    async with tls(tmp_path) as (server, _, silent):
        oldest = await silent.connect()
        for _ in range(3 * server_module._HANDSHAKES_MAX):
            await silent.connect()
        assert await asyncio.get_running_loop().sock_recv(oldest, 100) == b""
        await until(lambda: len(server._connections) == server_module._HANDSHAKES_MAX)
        assert len(server._handshakes) == server_module._HANDSHAKES_MAX


async def test_a_listed_caller_gets_the_place_of_a_handshake(tmp_path, monkeypatch):
    monkeypatch.setattr(server_module, "_CONNECTIONS_MAX", 3)
    async with tls(tmp_path) as (server, path, silent):
        for _ in range(3):
            await silent.connect()
        await until(lambda: len(server._handshakes) == 3)
        for _ in range(3):
            assert (await ask(path))["locked"]
        await until(lambda: len(server._connections) <= 3)


# How much everybody may hold


async def test_room_is_shared_and_waited_for():
    room, order = Room(10), []

    async def take(size, name, release):
        async with room.taken(size):
            order.append(name)
            await release.wait()

    first, second = asyncio.Event(), asyncio.Event()
    second.set()
    tasks = [asyncio.create_task(take(8, "large", first))]
    await asyncio.sleep(0)
    tasks += [asyncio.create_task(take(size, size, second)) for size in (5, 2)]
    gone = asyncio.create_task(take(10, "gone", second))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert order == ["large", 2]
    first.set()
    await asyncio.gather(*tasks)
    assert order == ["large", 2, 5]
    await room.take(10)


async def test_large_messages_wait_for_room_and_small_ones_do_not(tmp_path, monkeypatch):
    """As many announced bytes as there is room, never sent: another large message waits until
    their time is up; small ones are answered meanwhile."""
    monkeypatch.setattr(server_module, "_ROOM_BYTES", MESSAGE_BYTES_MAX)
    monkeypatch.setattr(server_module, "_FRAME_SECONDS", 2)
    async with serving(tmp_path) as (server, path):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(struct.pack(">I", MESSAGE_BYTES_MAX) + b"x")
        await until(lambda: server._frames._free < MESSAGE_BYTES_MAX)
        large = frame(request("status", {"x": "y" * 200_000}))
        waiting = asyncio.create_task(ask(path, large))
        assert (await ask(path))["locked"]
        assert not waiting.done()
        assert b"too long" in await read_frame(reader)
        with pytest.raises(Exception, match="fields must be exactly"):
            await waiting
        writer.close()
        await until(lambda: server._frames._free == MESSAGE_BYTES_MAX)
        assert server._answers._free == MESSAGE_BYTES_MAX


async def test_answers_that_nobody_reads_are_few(tmp_path, monkeypatch):
    """Room for one answer: who does not take it is dropped when its time is up, then the next is
    answered. No answer is made before there is room for it."""
    monkeypatch.setattr(server_module, "_ROOM_BYTES", MESSAGE_BYTES_MAX)
    monkeypatch.setattr(server_module, "_FRAME_SECONDS", 1)
    async with serving(tmp_path) as (server, path):
        monkeypatch.setattr(server._endpoint, "answer", lambda *_: b"x" * (MESSAGE_BYTES_MAX - 9))
        _, deaf = await asyncio.open_unix_connection(path, limit=1)
        deaf.write(STATUS)
        await until(lambda: server._answers._free < MESSAGE_BYTES_MAX)
        assert len(await asyncio.wait_for(_answer(path), 60)) == MESSAGE_BYTES_MAX - 9
        deaf.close()


async def _answer(path):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(STATUS)
    answer = await read_frame(reader)
    writer.close()
    return answer
