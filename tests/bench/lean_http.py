"""An HTTP/1.1 client that costs as little as possible, so that servers are measured and not it.

It keeps its connection, sends JSON, and reads answers that say how long they are.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from custody.db.ids import new_id

_IDLE_S = 2.0
"""A server may close a connection that was idle for longer (ours after five seconds)."""


class LeanClient:
    """One connection; one request at a time."""

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(base_url)
        self._host, self._port = parts.hostname, parts.port
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used_at = 0.0

    async def get(self, path: str) -> Any:
        return await self.ask("GET", path)

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        return await self.ask("POST", path, json.dumps(body).encode(), headers)

    async def pay(self, body: Any) -> Any:
        """A transfer, asked for with a retry key of its own."""
        return await self.post("/v1/transfers", body, **{"Idempotency-Key": new_id("key")})

    async def ask(
        self, verb: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Any:
        """The JSON of a success; asserts that it is one."""
        reader, writer = await self._connection()
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = (
            f"{verb} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"{self._headers}{more}\r\n"
        )
        writer.write(head.encode() + body)
        status, length = _read_head(await reader.readuntil(b"\r\n\r\n"))
        answer = await reader.readexactly(length)
        self._used_at = time.monotonic()
        assert status in (200, 201), f"{verb} {path}: {status} {answer.decode()}"
        return json.loads(answer)

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and time.monotonic() - self._used_at > _IDLE_S:
            await self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        return self._streams

    async def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            await self._streams[1].wait_closed()
            self._streams = None


def _read_head(head: bytes) -> tuple[int, int]:
    """The status and the length of the body."""
    first, *lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines if line)
    return int(first.split()[1]), int(fields["content-length"])
