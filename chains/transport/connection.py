"""Requests to one endpoint: headers, proxies, limits, time-outs and sizes. Knows no protocol.

Nothing is sent twice in secret: whoever gets NodeUnavailable must know that the request may have
taken effect. The one exception is a refusal of our credentials, which shows that it did not. Causes
are cut off from errors, because an HTTP library's messages repeat the URL.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from yarl import URL

from chains.errors import NodeDenied, NodeLimited, NodeMisbehaved, NodeUnavailable
from chains.patience import patience
from chains.transport.credentials import Credentials
from chains.transport.endpoint import Endpoint
from chains.transport.meaning import Meaning, of_status
from chains.transport.waiting import Bucket, backoff_delay, retry_after_delay

ANSWER_BYTES_MAX: Final = 128 * 1024 * 1024
"""Far above any block or trace of a block; below what a process may need."""
CONNECTIONS_MAX: Final = 32
"""Requests to one endpoint at a time. More of them wait, within their time."""
_OK: Final = 200
_HEAD: Final = 2_000
_AS_HTTP: Final = {"ws": "http", "wss": "https"}
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": "custody"}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that may be the node's own. `status` is 200, or an error with which some nodes
    deliver answers."""

    status: int
    body: bytes


class Connection:
    """One endpoint. `timeout_s` is for a whole request, waiting for a free connection included.
    `clock`: monotonic seconds; `delay_share`: random numbers of 0 to 1."""

    def __init__(
        self,
        endpoint: str | Endpoint,
        timeout_s: float,
        *,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
        clock: Callable[[], float] = time.monotonic,
        delay_share: Callable[[], float] = random.random,
    ) -> None:
        self._endpoint = Endpoint.of(endpoint)
        self._credentials = Credentials(self._endpoint)
        self._timeout_s = timeout_s
        self._answer_bytes_max = answer_bytes_max
        self._clock = clock
        self._delay_share = delay_share
        self._proxy = proxy_of(self._endpoint, self._endpoint.address())
        self._urls: dict[str, URL] = {}
        self._session: ClientSession | None = None
        self._closed = False
        rate = self._endpoint.rate_per_s
        self._bucket = None if rate is None else Bucket(rate)
        self._limited_in_a_row = 0
        self._closed_until_clock = 0.0

    @property
    def name(self) -> str:
        """What people may be told."""
        return self._endpoint.name

    def redact(self, text: str) -> str:
        """Words of the node without our secrets."""
        return self._credentials.redact(text)

    async def post(self, body: bytes, *, path: str = "", timeout_s: float | None = None) -> Reply:
        """Send JSON. Raises NodeUnavailable (also as NodeLimited or NodeDenied) or
        NodeMisbehaved."""
        wait_s = (self._timeout_s if timeout_s is None else timeout_s) * patience()
        await self._wait_turn(wait_s)
        used = self._credentials.headers()
        reply, response = await self._send(body, path, wait_s)
        meaning = self._meaning(reply)
        if meaning is Meaning.DENIED and self._credentials.read_again() != used:
            reply, response = await self._send(body, path, wait_s)
            meaning = self._meaning(reply)
        if meaning is Meaning.READ:
            return reply
        raise self._refusal(meaning, reply, response)

    def limited(self, message: str, delay_s: float | None = None) -> NodeLimited:
        """Note that the node wants to be asked less, and for how long. Returns what to raise."""
        self._limited_in_a_row += 1
        if delay_s is None:
            delay_s = backoff_delay(self._limited_in_a_row, self._delay_share())
        self._closed_until_clock = self._clock() + delay_s
        text = f"{self.name} wants to be asked less: {message}"
        return NodeLimited(text, delay_s=delay_s, advice="raise the limit, or set rate_per_s")

    def answered(self) -> None:
        """Note that the node itself has answered: the next limit is the first one again."""
        self._limited_in_a_row = 0

    def denied(self, message: str) -> NodeDenied:
        """What to raise when the node does not accept us."""
        return NodeDenied(
            f"{self.name} does not accept our credentials: {message}",
            advice="check user, password or key in the node's URL, headers or files; for bitcoind"
            " also rpcallowip",
        )

    async def close(self) -> None:
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _wait_turn(self, wait_s: float) -> None:
        now_clock = self._clock()
        rest_s = self._closed_until_clock - now_clock
        if rest_s > 0:
            raise NodeLimited(f"{self.name} asked for {rest_s:.0f} s of rest", delay_s=rest_s)
        if self._bucket is not None:
            bucket, delay_s = self._bucket.delay_of_next(now_clock)
            if delay_s > wait_s:
                raise NodeLimited(f"{self.name}: our own limit is reached", delay_s=delay_s)
            self._bucket = bucket
            if delay_s > 0:
                await asyncio.sleep(delay_s)

    async def _send(self, body: bytes, path: str, wait_s: float) -> tuple[Reply, ClientResponse]:
        if self._closed:
            raise NodeUnavailable(f"{self.name}: the connection was closed")
        if self._session is None:
            self._session = self._open()
        self._session.headers.update(self._credentials.headers())
        options: dict[str, Any] = {}
        if wait_s != self._timeout_s:
            options["timeout"] = ClientTimeout(total=wait_s)
        try:
            async with self._session.post(
                self._url(path),
                data=body,
                allow_redirects=False,
                **options,
            ) as response:
                return Reply(response.status, await self._read(response)), response
        except TimeoutError:
            raise NodeUnavailable(f"{self.name} did not answer in time ({wait_s:g} s)") from None
        except (ClientError, OSError, ValueError, RuntimeError) as error:
            # RuntimeError: closed under way. ValueError: a proxy's or header's form.
            kind = type(error).__name__
            raise NodeUnavailable(f"{self.name} is unreachable ({kind})") from None

    async def _read(self, response: ClientResponse) -> bytes:
        """The body, decompressed, as far as it is not too large."""
        pieces, size = [], 0
        while piece := await response.content.readany():
            size += len(piece)
            if size > self._answer_bytes_max:
                response.close()
                raise NodeMisbehaved(f"{self.name}: an answer above {self._answer_bytes_max} bytes")
            pieces.append(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _open(self) -> ClientSession:
        return ClientSession(
            connector=TCPConnector(limit=CONNECTIONS_MAX),
            cookie_jar=DummyCookieJar(),
            headers=_HEADERS,
            proxy=self._proxy,
            timeout=ClientTimeout(total=self._timeout_s),
            trust_env=False,
        )

    def _url(self, path: str) -> URL:
        found = self._urls.get(path)
        if found is None:
            found = self._urls[path] = URL(self._endpoint.address(path), encoded=True)
        return found

    def _meaning(self, reply: Reply) -> Meaning:
        if reply.status == _OK:
            return Meaning.READ
        return of_status(reply.status, reply.body[:_HEAD].decode(errors="replace"))

    def _refusal(self, meaning: Meaning, reply: Reply, response: ClientResponse) -> NodeUnavailable:
        headers = response.headers
        delay_s = retry_after_delay(headers.get("Retry-After"), headers.get("Date"))
        status = f"HTTP {reply.status}"
        if meaning is Meaning.LIMITED:
            return self.limited(status, delay_s)
        if meaning is Meaning.DENIED:
            return self.denied(status)
        if delay_s:
            self._closed_until_clock = self._clock() + delay_s
        return NodeUnavailable(f"{self.name} answered {status}")


def proxy_of(endpoint: Endpoint, url: str) -> str | None:
    """The environment's proxy for one of the endpoint's URLs, if its description allows one."""
    if not endpoint.proxy:
        return None
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    return proxies.get(_AS_HTTP.get(parts.scheme, parts.scheme)) or proxies.get("all")
