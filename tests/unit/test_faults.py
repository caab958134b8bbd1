"""The fault proxy and the engine process: every devnet test stands on these two."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from chains.devnet.faults import FaultProxy
from chains.devnet.process import (
    EngineFailed,
    EngineProcess,
    free_port,
    on_free_port,
    watch_group,
)

BIG = b"x" * 3_000_000


class Upstream:
    """A small HTTP server that counts requests and shows what it got."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
        self._writers.clear()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = b""
                if b"content-length" in head.lower():
                    length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                    body = await reader.readexactly(length)
                self.requests.append(head + body)
                if b"/chunked" in head:
                    framed = b"5\r\nhello\r\n7;note=1\r\n chunks\r\n0\r\nx-after: yes\r\n\r\n"
                    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + framed)
                elif b"/empty" in head:
                    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                else:
                    reply = BIG if b"/big" in head else body or b"hello"
                    length_line = b"Content-Length: %d\r\n\r\n" % len(reply)
                    body_sent = b"" if head.startswith(b"HEAD ") else reply
                    writer.write(b"HTTP/1.1 200 OK\r\n" + length_line + body_sent)
                await writer.drain()
        except (OSError, EOFError, asyncio.CancelledError):
            writer.close()


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    server = Upstream()
    await server.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def proxy(upstream: Upstream) -> AsyncIterator[FaultProxy]:
    made = FaultProxy(f"http://user:secret@127.0.0.1:{upstream.port}/rpc")
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(timeout=5.0, trust_env=False) as made:
        yield made


async def test_url_keeps_credentials_and_path(proxy: FaultProxy, upstream: Upstream) -> None:
    assert proxy.url.startswith("http://user:secret@127.0.0.1:")
    assert proxy.url.endswith("/rpc")
    assert str(upstream.port) not in proxy.url


async def test_requests_pass_unchanged(
    proxy: FaultProxy, upstream: Upstream, client: httpx2.AsyncClient
) -> None:
    reply = await client.post(proxy.url, content=b'{"id":1}')
    assert reply.content == b'{"id":1}'
    head = upstream.requests[0].split(b"\r\n")[0]
    assert head == b"POST /rpc HTTP/1.1"
    assert b"authorization: basic" in upstream.requests[0].lower()


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/plain", b"hello"),
        ("GET", "/chunked", b"hello chunks"),
        ("GET", "/empty", b""),
        ("HEAD", "/plain", b""),
        ("GET", "/big", BIG),
    ],
)
async def test_every_framing_passes_and_keeps_the_connection(
    proxy: FaultProxy, client: httpx2.AsyncClient, method: str, path: str, expected: bytes
) -> None:
    for _ in range(2):
        reply = await client.request(method, proxy.url + path)
        assert reply.content == expected
    assert len(proxy._sessions) == 1


async def test_chunked_request_passes(
    proxy: FaultProxy, upstream: Upstream, client: httpx2.AsyncClient
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    assert (await client.post(proxy.url, content=pieces())).status_code == 200
    assert b"transfer-encoding: chunked" in upstream.requests[0].lower()


async def test_error_does_not_reach_the_engine(
    proxy: FaultProxy, upstream: Upstream, client: httpx2.AsyncClient
) -> None:
    proxy.error(2)
    assert [(await client.get(proxy.url)).status_code for _ in range(3)] == [500, 500, 200]
    assert len(upstream.requests) == 1


async def test_dropped_reply_reached_the_engine(
    proxy: FaultProxy, upstream: Upstream, client: httpx2.AsyncClient
) -> None:
    proxy.drop_reply()
    with pytest.raises(httpx2.RemoteProtocolError):
        await client.post(proxy.url, content=b"pay")
    assert upstream.requests[0].endswith(b"pay")
    assert (await client.get(proxy.url)).status_code == 200


async def test_delay_until_healed(proxy: FaultProxy, client: httpx2.AsyncClient) -> None:
    proxy.delay(2)
    started = time.monotonic()
    await client.get(proxy.url)
    assert time.monotonic() - started >= 2
    with pytest.raises(httpx2.ReadTimeout):
        await client.get(proxy.url, timeout=0.05)
    proxy.heal()
    started = time.monotonic()
    await client.get(proxy.url)
    assert time.monotonic() - started < 2


async def test_go_away_refuses_and_closes_until_healed(
    proxy: FaultProxy, client: httpx2.AsyncClient
) -> None:
    url = proxy.url
    await client.get(url)
    proxy.go_away()
    proxy.go_away()
    await asyncio.sleep(0)
    for _ in range(2):
        with pytest.raises(httpx2.TransportError):
            await client.get(url)
    with pytest.raises(httpx2.ConnectError):
        await client.get(url)
    proxy.heal()
    assert proxy.url == url
    assert (await client.get(url)).status_code == 200


async def test_go_away_breaks_a_request_under_way(
    proxy: FaultProxy, client: httpx2.AsyncClient
) -> None:
    proxy.delay(5.0)
    request = asyncio.create_task(client.get(proxy.url))
    await asyncio.sleep(0.1)
    proxy.go_away()
    with pytest.raises(httpx2.TransportError):
        await asyncio.wait_for(request, 1.0)


async def test_engine_restart_and_move_keep_the_url(
    proxy: FaultProxy, upstream: Upstream, client: httpx2.AsyncClient
) -> None:
    url = proxy.url
    await client.get(url)
    await upstream.stop()
    with pytest.raises(httpx2.TransportError):
        await client.get(url)
    await upstream.start()
    assert (await client.get(url)).status_code == 200
    moved = Upstream()
    await moved.start()
    proxy.upstream = f"http://127.0.0.1:{moved.port}"
    await upstream.stop()
    await asyncio.sleep(0.1)  # until the client, too, sees that its idle connection has ended
    assert (await client.get(url)).status_code == 200
    assert len(moved.requests) == 1
    await moved.stop()
    await upstream.start()


async def test_stop_twice_and_start_again_on_the_same_port(
    proxy: FaultProxy, client: httpx2.AsyncClient
) -> None:
    url = proxy.url
    proxy.go_away()
    await proxy.stop()
    await proxy.stop()
    with pytest.raises(httpx2.ConnectError):
        await client.get(url)
    assert await proxy.start() == url
    assert (await client.get(url)).status_code == 200


async def test_added_latency_is_small(
    proxy: FaultProxy, upstream: Upstream, client: httpx2.AsyncClient
) -> None:
    """The aim is well below a millisecond; the bound leaves room for a loaded machine."""

    async def once(url: str) -> float:
        started = time.perf_counter()
        await client.post(url, content=b"{}")
        return time.perf_counter() - started

    around = f"http://127.0.0.1:{upstream.port}/rpc"
    times = [(await once(around), await once(proxy.url)) for _ in range(100)]
    direct, proxied = (min(column) for column in zip(*times, strict=True))
    assert proxied - direct < 0.001


def _alive(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def _until_gone(pid: int) -> None:
    deadline = time.monotonic() + 5.0
    while _alive(pid):
        assert time.monotonic() < deadline, "still there"
        time.sleep(0.02)


async def _yes() -> bool:
    return True


async def test_process_stops_politely_and_twice(tmp_path: Path) -> None:
    engine = EngineProcess(["/bin/sh", "-c", "echo up; exec sleep 60"], tmp_path / "sub" / "log")
    await engine.stop()
    engine.start()
    await engine.wait_ready(_yes)
    pid = engine.pid
    assert pid is not None
    assert engine.running
    await engine.stop()
    await engine.stop()
    assert not engine.running
    assert not _alive(pid)
    engine.start()
    assert engine.running
    await engine.stop()
    assert (tmp_path / "sub" / "log").exists()


async def test_process_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path) -> None:
    script = f"trap '' TERM; sleep 60 & echo $! >{tmp_path}/child; wait; wait; sleep 60"
    engine = EngineProcess(["/bin/sh", "-c", script], tmp_path / "log")
    engine.start()

    async def written() -> bool:
        return (tmp_path / "child").read_text().strip() != ""

    await engine.wait_ready(written)
    child = int((tmp_path / "child").read_text())
    await engine.stop(grace_s=0.2)
    _until_gone(child)


async def test_process_that_ends_says_why(tmp_path: Path) -> None:
    async def never() -> bool:
        return False

    engine = EngineProcess(["/bin/sh", "-c", "echo no such flag; exit 3"], tmp_path / "log")
    engine.start()
    with pytest.raises(EngineFailed, match=r"(?s)code 3.*no such flag"):
        await engine.wait_ready(never)
    await engine.stop()
    with pytest.raises(EngineFailed, match="can't be started"):
        EngineProcess([tmp_path / "absent"], tmp_path / "log").start()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's; see the watcher")
def test_process_dies_with_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import pathlib, time\n"
        "from chains.devnet.process import EngineProcess\n"
        f"engine = EngineProcess(['/bin/sleep', '60'], pathlib.Path({str(tmp_path)!r}) / 'log')\n"
        "engine.start()\n"
        "print(engine.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert _alive(pid)
    parent.kill()
    parent.communicate()
    _until_gone(pid)


def test_watcher_kills_the_group_when_its_pipe_closes() -> None:
    child = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    watcher = watch_group(child.pid)
    try:
        assert child.poll() is None
        assert watcher.stdin is not None
        watcher.stdin.close()
        assert child.wait(5.0) == -signal.SIGKILL
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        watcher.communicate()


def test_free_ports_are_free() -> None:
    port = free_port()
    assert 1024 < port < 65536


async def test_an_engine_that_fails_is_started_on_another_port() -> None:
    """Somebody may have taken the port between our look and the engine's."""
    tried: list[int] = []
    stopped: list[int] = []

    async def start(port: int) -> None:
        tried.append(port)
        if len(tried) < 3:
            raise EngineFailed("address already in use")

    async def stop() -> None:
        stopped.append(tried[-1])

    await on_free_port(start, stop)
    assert len(set(tried)) == 3
    assert stopped == tried[:2]


async def test_what_never_starts_is_stopped_and_said() -> None:
    calls: list[str] = []

    async def start(port: int) -> None:
        calls.append("start")
        raise EngineFailed("no such option")

    async def stop() -> None:
        calls.append("stop")

    with pytest.raises(EngineFailed, match="no such option"):
        await on_free_port(start, stop)
    assert calls == ["start", "stop"] * 3


async def test_refuse_answers_what_it_wants_to_and_lets_the_rest_pass(
    proxy: FaultProxy, upstream: Upstream, client: httpx2.AsyncClient
) -> None:
    async def refusal(body: bytes) -> bytes | None:
        return b'{"no": 1}' if b"old" in body else None

    proxy.refuse(refusal)
    assert (await client.post(proxy.url, content=b"an old block")).json() == {"no": 1}
    assert (await client.post(proxy.url, content=b"a new block")).content == b"a new block"
    assert len(upstream.requests) == 1
    proxy.heal()
    assert (await client.post(proxy.url, content=b"an old block")).content == b"an old block"
