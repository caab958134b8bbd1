"""The sockets: who is calling, whole frames in, whole frames out.

A Unix socket whose callers the kernel names (SO_PEERCRED), or TCP with mutual TLS. Who is not
listed is told so, counted and closed, before a byte of theirs is read; it leaves no record, since
whoever may fill the journal may fill the disk. All requests of all connections are answered one
after another in one thread, which owns the keys and the journal. A frame that is too long, cut
short or too slow costs its sender the connection and nobody else anything. The process makes no
connection of its own.

Everybody together holds at most `_CONNECTIONS_MAX` connections, handshakes among them,
`_ROOM_BYTES` of messages and as many of answers.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from signer import messages
from signer.endpoint import Endpoint
from signer.gate import Room, accept_each, bind_tcp, bind_unix, peer_uid
from signer.messages import frame, read_length
from signer.service import Caller
from signer.wire import MESSAGE_BYTES_MAX, MalformedMessage, RefusalCode

T = TypeVar("T")
_CONNECTIONS_MAX: Final = 64
_HANDSHAKES_MAX: Final = 16
"""Of those, in a TLS handshake. One more ends the oldest: an honest one takes milliseconds."""
_HANDSHAKE_SECONDS: Final = 5
_FRAME_SECONDS: Final = 30
_ROOM_BYTES: Final = 32 * 1024 * 1024
_SMALL_FRAME_BYTES: Final = 64 * 1024
"""What a connection may hold of its own, so that large messages delay no small ones."""
_NOT_LISTED: Final = frame(
    messages.refusal(RefusalCode.UNAUTHENTICATED, "caller", "this caller is not on the list")
)
_GONE: Final = (OSError, EOFError, TimeoutError, MalformedMessage)
"""The peer is gone or deaf: nobody is there to be told."""


@dataclass(frozen=True, slots=True)
class UnixListener:
    """`uids`: who may call."""

    path: Path
    uids: frozenset[int]


@dataclass(frozen=True, slots=True)
class TlsListener:
    """`context` requires a client certificate. `names`: common names that may call."""

    host: str
    port: int
    context: ssl.SSLContext
    names: frozenset[str]


class Server:
    """Serves one endpoint until `close`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="signer")
        self._listening: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._handshakes: dict[asyncio.Task[None], None] = {}
        self._frames = Room(_ROOM_BYTES)
        self._answers = Room(_ROOM_BYTES)
        self._sockets: list[Path] = []

    async def run(self, work: Callable[[], T]) -> T:
        """In the thread that owns the endpoint."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def listen_unix(self, listener: UnixListener) -> None:
        """The file is open to its owner alone, or to all if others may call: then the kernel's
        word on who they are decides."""
        others = listener.uids - {os.geteuid()}
        listening = bind_unix(listener.path, 0o666 if others else 0o600)
        self._sockets.append(listener.path)
        self._accept(listening, partial(self._welcome_unix, listener))

    async def listen_tls(self, listener: TlsListener) -> int:
        """Returns the port, which the system chooses for port 0."""
        assert listener.context.verify_mode is ssl.CERT_REQUIRED
        listening = bind_tcp(listener.host, listener.port)
        self._accept(listening, partial(self._welcome_tls, listener))
        port: int = listening.getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening, drop connections, finish the request in hand, lock."""
        tasks = [*self._accepting, *self._connections]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listening in self._listening:
            listening.close()
        await self.run(self._endpoint.lock)
        self._worker.shutdown()
        for path in self._sockets:
            path.unlink(missing_ok=True)

    def _accept(self, listening: socket.socket, welcome: Callable[[socket.socket], None]) -> None:
        self._listening.append(listening)
        self._accepting.append(asyncio.create_task(accept_each(listening, welcome)))

    def _welcome_unix(self, listener: UnixListener, connection: socket.socket) -> None:
        uid = peer_uid(connection)
        if uid in listener.uids:
            self._give_place(connection, self._serve_unix(Caller(f"uid:{uid}", True), connection))
            return
        self._endpoint.strangers += 1
        with suppress(OSError):  # a few bytes fit into the kernel's buffer, or are not needed
            connection.send(_NOT_LISTED)
        connection.close()

    def _welcome_tls(self, listener: TlsListener, connection: socket.socket) -> None:
        if len(self._handshakes) >= _HANDSHAKES_MAX:
            self._end_oldest_handshake()
        task = self._give_place(connection, self._serve_tls(listener, connection))
        if task is not None:
            self._handshakes[task] = None

    def _give_place(
        self, connection: socket.socket, serve: Coroutine[Any, Any, None]
    ) -> asyncio.Task[None] | None:
        """A place among the connections, if need be that of the oldest handshake: who still has to
        show a certificate makes way."""
        if len(self._connections) >= _CONNECTIONS_MAX:
            self._end_oldest_handshake()
        if len(self._connections) >= _CONNECTIONS_MAX:
            serve.close()
            connection.close()
            return None
        task = asyncio.create_task(serve)
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        task.add_done_callback(lambda _: connection.close())
        return task

    def _end_oldest_handshake(self) -> None:
        for task in self._handshakes:
            task.cancel()
            del self._handshakes[task]
            self._connections.discard(task)
            return

    async def _serve_unix(self, caller: Caller, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        await self._serve(caller, reader, writer)

    async def _serve_tls(self, listener: TlsListener, connection: socket.socket) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            reader, writer = await _shake_hands(connection, listener.context)
        except _GONE:
            return
        finally:
            self._handshakes.pop(task, None)
        name = _common_name(writer)
        if name in listener.names:
            await self._serve(Caller(f"tls:{name}", True), reader, writer)
            return
        self._endpoint.strangers += 1
        writer.write(_NOT_LISTED)
        await _close(writer)

    async def _serve(
        self, caller: Caller, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await self._converse(caller, reader, writer)
            await _close(writer)
        except _GONE:
            pass
        finally:
            writer.transport.abort()

    async def _converse(
        self, caller: Caller, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            try:
                length = await _read_length(reader)
                if length is None:
                    return
                async with self._frames.taken(max(0, length - _SMALL_FRAME_BYTES)):
                    body = await _read(reader, length)
                    await self._answer(partial(self._endpoint.answer, caller, body), writer)
            except MalformedMessage as error:
                code, said = RefusalCode.MALFORMED, str(error)
                refuse = partial(self._endpoint.reject, caller, code, "frame", said)
                await self._answer(refuse, writer)
                return

    async def _answer(self, work: Callable[[], bytes], writer: asyncio.StreamWriter) -> None:
        """Write what `work` returns. Room for the longest answer is taken before, and what it
        turns out not to need given back."""
        size = MESSAGE_BYTES_MAX
        await self._answers.take(size)
        try:
            answer = await self.run(work)
            self._answers.give(size - len(answer))
            size = len(answer)
            async with asyncio.timeout(_FRAME_SECONDS):
                writer.write(frame(answer))
                await writer.drain()
        finally:
            self._answers.give(size)


async def _read_length(reader: asyncio.StreamReader) -> int | None:
    """Of the next frame, None if the peer closed between frames. A peer may wait as long as it
    likes between frames, not within one. Raises MalformedMessage."""
    first = await reader.read(1)
    if not first:
        return None
    return read_length(first + await _read(reader, 3))


async def _read(reader: asyncio.StreamReader, count: int) -> bytes:
    try:
        async with asyncio.timeout(_FRAME_SECONDS):
            return await reader.readexactly(count)
    except asyncio.IncompleteReadError as error:
        raise MalformedMessage("the frame is cut short") from error
    except TimeoutError as error:
        raise MalformedMessage("the frame takes too long") from error


async def _shake_hands(
    connection: socket.socket, context: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Raises OSError (ssl.SSLError is one), also when it takes too long."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(
        lambda: protocol,
        connection,
        ssl=context,
        ssl_handshake_timeout=_HANDSHAKE_SECONDS,
        ssl_shutdown_timeout=_HANDSHAKE_SECONDS,
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Deliver what was written, for so long as the peer takes it in good time."""
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_HANDSHAKE_SECONDS):
            await writer.wait_closed()
    writer.transport.abort()


def _common_name(writer: asyncio.StreamWriter) -> str:
    subject = writer.get_extra_info("peercert").get("subject", ())
    names = [value for part in subject for field, value in part if field == "commonName"]
    return names[0] if len(names) == 1 else ""
