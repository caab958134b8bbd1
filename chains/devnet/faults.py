"""A reverse proxy that makes a healthy node slow, silent, failing or unreachable on request.

Adapters connect to the proxy instead of the engine, so that tests meet the faults of real networks
at the socket, below every client library. Requests and replies pass through byte for byte; the
proxy reads only as much HTTP/1.1 as it takes to see where one ends (RFC 9112 section 6). Its
address stays the same while the engine behind it stops, starts or moves to another port.

Knows no chain. All verbs belong to the event loop that called `start`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_HEAD_LIMIT: Final = 1 << 16
_PIECE: Final = 1 << 18
_INJECTED: Final = (
    b"HTTP/1.1 500 Internal Server Error\r\n"
    b"content-type: text/plain\r\ncontent-length: 14\r\n\r\ninjected fault"
)

_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Refusal = Callable[[bytes], Awaitable[bytes | None]]
"""A request's body -> the JSON that is answered without asking the engine, or None to ask it."""


@dataclass(slots=True)
class _Faults:
    delay_s: float = 0.0
    drops: int = 0
    errors: int = 0
    refusal: Refusal | None = None


class FaultProxy:
    """`upstream` is the engine's URL and may be assigned again when the engine moves; credentials
    and path in it reappear in the URL that `start` returns."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self._second = ""
        self._turns = random.Random(0)
        self._port = 0
        self._listener: socket.socket | None = None
        self._reserved: socket.socket | None = None
        self._sessions: set[asyncio.Task[None]] = set()
        self._faults = _Faults()

    @property
    def url(self) -> str:
        """Where clients connect; valid once started, and the same after `stop` and `start`."""
        assert self._port, "never started"
        parts = urlsplit(self.upstream)
        credentials, at, _ = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{credentials}{at}127.0.0.1:{self._port}"))

    async def start(self) -> str:
        """Listen on 127.0.0.1, without faults. Returns `url`."""
        if self._listener is None:
            self.heal()
            self._listen(self._take_port())
        return self.url

    async def stop(self) -> None:
        """Close everything. Safe at any time and twice."""
        sessions = list(self._sessions)
        self._close()
        await asyncio.gather(*sessions, return_exceptions=True)

    def delay(self, seconds: float) -> None:
        """Every reply is late by this much, until `heal`."""
        self._faults.delay_s = seconds

    def drop_reply(self, count: int = 1) -> None:
        """The next requests reach the engine; then their connections close without a reply."""
        self._faults.drops = count

    def error(self, count: int = 1) -> None:
        """The next requests are answered 500 without reaching the engine."""
        self._faults.errors = count

    def share(self, second: str) -> None:
        """Half of the requests, in no order, are answered by the engine at this URL, as behind a
        load balancer, until `heal`."""
        self._second = second

    def refuse(self, refusal: Refusal) -> None:
        """Answer some requests as another node would, until `heal`."""
        self._faults.refusal = refusal

    def go_away(self) -> None:
        """Close all connections and refuse new ones, until `heal`."""
        if self._listener is not None:
            self._close()
            self._reserved = self._take_port()  # bound, not listening: refuses, and stays ours

    def heal(self) -> None:
        """End every fault."""
        self._faults = _Faults()
        self._second = ""
        if self._reserved is not None:
            reserved, self._reserved = self._reserved, None
            self._listen(reserved)

    def _take_port(self) -> socket.socket:
        """A socket bound to our port; the first time to any free one."""
        taken = socket.socket()
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", self._port))
        taken.setblocking(False)
        self._port = taken.getsockname()[1]
        return taken

    def _listen(self, bound: socket.socket) -> None:
        bound.listen(128)
        self._listener = bound
        asyncio.get_running_loop().add_reader(bound, self._accept, bound)

    def _close(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        for session in self._sessions:
            session.cancel()

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # the client has gone again
            return
        session = asyncio.get_running_loop().create_task(self._session(connection))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)

    async def _session(self, connection: socket.socket) -> None:
        """One client's connection: its requests in order, over one connection to each engine."""
        engines: dict[str, _Stream] = {}
        client: _Stream | None = None
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = await asyncio.open_connection(sock=connection, limit=_HEAD_LIMIT)
            while head := await _read_head(client[0]):
                body = await _read_body(client[0], head)
                if self._faults.errors > 0:
                    self._faults.errors -= 1
                    await self._wait()
                    client[1].write(_INJECTED)
                    continue
                refused = await self._refused(body)
                if refused is not None:
                    await self._wait()
                    client[1].write(refused)
                    continue
                engine = await self._engine(engines)
                engine[1].write(head + body)
                if not await self._reply(head, engine, client):
                    return
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError):
            pass  # either side broke off or spoke no HTTP: the other sees its connection close
        finally:
            for each in engines.values():
                _abort(each)
            _abort(client)
            if client is None:
                connection.close()

    async def _engine(self, opened: dict[str, _Stream]) -> _Stream:
        """A connection to the engine whose turn it is, one of `opened` or a new one."""
        url = self._second if self._second and self._turns.random() < 0.5 else self.upstream
        engine = opened.get(url)
        if engine is None or engine[0].at_eof() or engine[1].is_closing():
            _abort(engine)
            parts = urlsplit(url)
            engine = await asyncio.open_connection(parts.hostname, parts.port, limit=_HEAD_LIMIT)
            opened[url] = engine
        return engine

    async def _refused(self, body: bytes) -> bytes | None:
        """A whole reply in place of the engine's."""
        said = None if self._faults.refusal is None else await self._faults.refusal(body)
        if said is None:
            return None
        length = str(len(said)).encode()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
        return head + length + b"\r\n\r\n" + said

    async def _reply(self, request: bytes, engine: _Stream, client: _Stream) -> bool:
        """Carry one reply over. False when the connection can't be used any further."""
        dropped = self._faults.drops > 0
        if dropped:
            self._faults.drops -= 1
        reader, (_, writer) = engine[0], client
        head = await _read_head(reader)
        if not head:
            return False
        await self._wait()
        if dropped:
            await _read_body(reader, head, reply_to=request)
            return False
        length = _length(head, reply_to=request)
        if length is None or length <= _PIECE:
            writer.write(head + await _read_body(reader, head, reply_to=request))
            await writer.drain()
            length = 0
        else:
            writer.write(head)
        while length > 0:  # long replies are not held up until their end
            piece = await reader.read(min(length, _PIECE))
            if not piece:
                return False
            length -= len(piece)
            writer.write(piece)
            await writer.drain()
        return _header(head, b"connection").lower() != b"close"

    async def _wait(self) -> None:
        if self._faults.delay_s > 0:
            await asyncio.sleep(self._faults.delay_s)


class BehindProxy:
    """The fault verbs of `DevNode`, for a node whose adapters come through a proxy."""

    _proxy: FaultProxy | None = None

    def delay(self, seconds: float) -> None:
        self._faults.delay(seconds)

    def drop_reply(self, count: int = 1) -> None:
        self._faults.drop_reply(count)

    def error(self, count: int = 1) -> None:
        self._faults.error(count)

    def share(self, second: str) -> None:
        """Half of the requests are answered by the engine behind this URL, until `heal`."""
        self._faults.share(second)

    def go_away(self) -> None:
        self._faults.go_away()

    def heal(self) -> None:
        self._faults.heal()

    async def _open_proxy(self, engine_url: str) -> str:
        """Where adapters connect, the same as before if the engine was restarted."""
        self._proxy = self._proxy or FaultProxy(engine_url)
        self._proxy.upstream = engine_url
        return await self._proxy.start()

    async def _close_proxy(self) -> None:
        if self._proxy is not None:
            await self._proxy.stop()

    @property
    def _faults(self) -> FaultProxy:
        assert self._proxy is not None, "not started"
        return self._proxy


async def _read_head(reader: asyncio.StreamReader) -> bytes:
    """Start line and headers with the empty line, or nothing if the connection ended before."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""


async def _read_body(reader: asyncio.StreamReader, head: bytes, reply_to: bytes = b"") -> bytes:
    length = _length(head, reply_to)
    return await _read_chunks(reader) if length is None else await reader.readexactly(length)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    """A chunked body with its framing (RFC 9112 section 7.1)."""
    pieces = []
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        pieces += [line, await reader.readexactly(size + 2)]
    pieces.append(line)
    while line != b"\r\n":
        line = await reader.readuntil(b"\r\n")
        pieces.append(line)
    return b"".join(pieces)


def _length(head: bytes, reply_to: bytes = b"") -> int | None:
    """Bytes of the body that follows `head`, None if it is chunked.

    A reply without either header would last until the connection closes; no engine sends one.
    """
    if reply_to and (reply_to.startswith(b"HEAD ") or head[9:12] in (b"204", b"304")):
        return 0
    if _header(head, b"transfer-encoding").lower() == b"chunked":
        return None
    stated = _header(head, b"content-length")
    if not stated and reply_to:
        raise ValueError("reply without length")
    return int(stated or b"0")


def _header(head: bytes, name: bytes) -> bytes:
    start = head.lower().find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    return head[start : head.index(b"\r\n", start)].strip()


def _abort(stream: _Stream | None) -> None:
    if stream is not None:
        with contextlib.suppress(OSError):
            stream[1].close()
