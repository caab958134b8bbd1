"""The sockets: who is calling, whole frames in, whole frames out.

A Unix socket whose callers the kernel names (SO_PEERCRED), or TCP with mutual TLS. All requests of
all connections are answered one after another in one thread, which owns the keys and the journal.
A frame that is too long, cut short or too slow costs its sender the connection and nobody else
anything. The process makes no connection of its own.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from signer.endpoint import Endpoint
from signer.messages import frame, read_length
from signer.service import Caller
from signer.wire import MalformedMessage, RefusalCode

T = TypeVar("T")
_CONNECTIONS_MAX: Final = 64
_FRAME_SECONDS: Final = 30
_PEER_CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid


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
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._sockets: list[Path] = []

    async def run(self, work: Callable[[], T]) -> T:
        """In the thread that owns the endpoint."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def listen_unix(self, listener: UnixListener) -> None:
        """The file is open to its owner alone, or to all if others may call: then the kernel's
        word on who they are decides."""
        others = listener.uids - {os.geteuid()}
        server = await serve_unix(
            listener.path, 0o666 if others else 0o600, self._accept(_unix_caller(listener))
        )
        self._servers.append(server)
        self._sockets.append(listener.path)

    async def listen_tls(self, listener: TlsListener) -> int:
        """Returns the port, which the system chooses for port 0."""
        assert listener.context.verify_mode is ssl.CERT_REQUIRED
        server = await asyncio.start_server(
            self._accept(_tls_caller(listener)),
            listener.host,
            listener.port,
            ssl=listener.context,
        )
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening, drop connections, finish the request in hand, lock."""
        for server in self._servers:
            server.close()
        for writer in self._connections.values():
            writer.close()
        await asyncio.gather(*self._connections)
        await self.run(self._endpoint.lock)
        self._worker.shutdown()
        for path in self._sockets:
            path.unlink(missing_ok=True)

    def _accept(
        self, identify: Callable[[asyncio.StreamWriter], Caller]
    ) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            if len(self._connections) >= _CONNECTIONS_MAX:
                writer.close()
                return
            self._connections[task] = writer
            try:
                await self._converse(identify(writer), reader, writer)
            except (OSError, EOFError, TimeoutError, ssl.SSLError, MalformedMessage):
                writer.transport.abort()  # the peer is gone or deaf: nobody is there to be told
            finally:
                del self._connections[task]
                writer.close()

        return connected

    async def _converse(
        self, caller: Caller, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            try:
                body = await self._read(reader)
            except MalformedMessage as error:
                refuse = partial(
                    self._endpoint.reject, caller, RefusalCode.MALFORMED, "frame", str(error)
                )
                await self._write(writer, await self.run(refuse))
                return
            if body is None:
                return
            await self._write(writer, await self.run(partial(self._endpoint.answer, caller, body)))

    async def _read(self, reader: asyncio.StreamReader) -> bytes | None:
        """The next frame, None if the peer closed between frames. A peer may wait as long as it
        likes between frames, not within one. Raises MalformedMessage."""
        first = await reader.read(1)
        if not first:
            return None
        try:
            async with asyncio.timeout(_FRAME_SECONDS):
                length = read_length(first + await reader.readexactly(3))
                return await reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            raise MalformedMessage("the frame is cut short") from error
        except TimeoutError as error:
            raise MalformedMessage("the frame takes too long") from error

    async def _write(self, writer: asyncio.StreamWriter, body: bytes) -> None:
        async with asyncio.timeout(_FRAME_SECONDS):
            writer.write(frame(body))
            await writer.drain()


async def serve_unix(
    path: Path,
    mode: int,
    connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any],
) -> asyncio.Server:
    """Listen on a Unix socket that never has wider permissions than `mode`."""
    return await asyncio.start_unix_server(connected, sock=_bind(path, mode))


def _bind(path: Path, mode: int) -> socket.socket:
    if path.is_socket():  # left behind by a process that was killed
        path.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o777 & ~mode)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    return listening


def peer_uid(writer: asyncio.StreamWriter) -> int:
    """Whose process is at the other end, by the kernel's word."""
    connection = writer.get_extra_info("socket")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    uid: int = _PEER_CREDENTIALS.unpack(raw)[1]
    return uid


def _unix_caller(listener: UnixListener) -> Callable[[asyncio.StreamWriter], Caller]:
    def identify(writer: asyncio.StreamWriter) -> Caller:
        uid = peer_uid(writer)
        return Caller(f"uid:{uid}", uid in listener.uids)

    return identify


def _tls_caller(listener: TlsListener) -> Callable[[asyncio.StreamWriter], Caller]:
    def identify(writer: asyncio.StreamWriter) -> Caller:
        subject = writer.get_extra_info("peercert").get("subject", ())
        names = [value for part in subject for field, value in part if field == "commonName"]
        name = names[0] if len(names) == 1 else ""
        return Caller(f"tls:{name}", name in listener.names)

    return identify
