"""The doors: listening sockets, who is at the other end, and how much everybody may hold.

Whatever strangers do, the process holds a bounded number of descriptors and bytes: see the limits
in `server.py`, which is who decides.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

_PEER_CREDENTIALS: Final = struct.Struct("3i")  # pid, uid, gid
_BACKLOG: Final = 64
_RETRY_SECONDS: Final = 1


def bind_unix(path: Path, mode: int) -> socket.socket:
    """A listening Unix socket that never has wider permissions than `mode`."""
    if path.is_socket():  # left behind by a process that was killed
        path.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o777 & ~mode)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    return _listening(listening)


def bind_tcp(host: str, port: int) -> socket.socket:
    """Raises OSError if there is no such address here, or somebody else listens on it."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)
    return _listening(listening)


def peer_uid(connection: socket.socket) -> int:
    """Whose process is at the other end of a Unix socket, by the kernel's word."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    uid: int = _PEER_CREDENTIALS.unpack(raw)[1]
    return uid


async def accept_each(listening: socket.socket, welcome: Callable[[socket.socket], None]) -> None:
    """Hand each connection to `welcome`, which owns it then. Until it is cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            connection, _ = await loop.sock_accept(listening)
        except OSError:  # no descriptor left, or the peer is gone already
            await asyncio.sleep(_RETRY_SECONDS)
            continue
        welcome(connection)
        await asyncio.sleep(0)  # a flood of callers must not keep the others from their turn


class Room:
    """So many bytes for all together. Who finds too few waits for others to give theirs back."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: list[asyncio.Future[None]] = []

    async def take(self, size: int) -> None:
        """At most what there is at all."""
        while self._free < size:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        self._free -= size

    def give(self, size: int) -> None:
        self._free += size
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
        self._waiting.clear()

    @asynccontextmanager
    async def taken(self, size: int) -> AsyncIterator[None]:
        await self.take(size)
        try:
            yield
        finally:
            self.give(size)


def _listening(listening: socket.socket) -> socket.socket:
    listening.setblocking(False)
    listening.listen(_BACKLOG)
    return listening
