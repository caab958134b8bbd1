"""What holds for every request before a route sees it: an id, a line in the log, a size, a media
type, JSON that means one thing, and headers that keep browsers from doing clever things with the
answer.

Plain ASGI. The body is read here, up to the limit and whatever its transfer encoding, and handed on
whole; a limit that trusts Content-Length is none.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem
from api.headers import SECURITY_HEADERS
from api.requestlog import RequestFigures, Watched
from signer.wire import read_strict_json

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_JSON = re.compile(r'application/json(\s*;\s*charset="?utf-8"?)?\s*', re.IGNORECASE | re.ASCII)
_DISCARDED_BYTES_MAX = 1024 * 1024
STREAMED: Final = frozenset({("POST", "/v1/payout-files")})
"""Routes that read their bodies themselves, part by part and up to limits of their own, once they
know who sends them."""
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class RequestGuard:
    """`body_bytes_max`: greatest body, in bytes."""

    def __init__(self, app: ASGIApp, body_bytes_max: int, figures: RequestFigures) -> None:
        self._app = app
        self._figures = figures
        self._body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers.get("x-request-id", ""))
        scope.setdefault("state", {})["request_id"] = request_id
        # The caller is bound here as nobody and told by `auth`, so that it ends with the request.
        with structlog.contextvars.bound_contextvars(
            request_id=request_id, api_key=None, initiator=None
        ):
            streamed = (scope["method"], scope["path"]) in STREAMED
            body = b"" if streamed else await self._read(receive)
            if body is None:
                return
            watched = Watched(scope, self._figures)
            try:
                answer = _with_headers(send, request_id, watched)
                refused = self._refusal(scope["method"], headers, body)
                if refused is None:
                    given = receive if streamed else _replay(body, receive)
                    await self._app(scope, given, answer)
                else:
                    await refused(scope, receive, answer)
            finally:
                watched.end()

    async def _read(self, receive: Receive) -> bytes | None:
        """The body, at most one byte longer than allowed; None if the client went away.

        A body that is too long is read on for a while and thrown away: a connection that is closed
        while the client still sends is reset, and the answer that says why is lost with it.
        """
        body = bytearray()
        length = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part = message.get("body", b"")
            length += len(part)
            body += part[: self._body_bytes_max + 1 - len(body)]
            if length > _DISCARDED_BYTES_MAX or not message.get("more_body", False):
                return bytes(body)

    def _refusal(self, method: str, headers: Headers, body: bytes) -> Response | None:
        if len(body) > self._body_bytes_max:
            limit = f"a body has at most {self._body_bytes_max} bytes"
            return problem(413, "body_too_large", limit, headers={"Connection": "close"})
        if not body or method not in _METHODS_WITH_BODY:
            return None
        if _JSON.fullmatch(headers.get("content-type", "")) is None:
            return problem(415, "media_type_unsupported", "send application/json in UTF-8")
        try:
            read_strict_json(body)
        except ValueError:
            return problem(400, "body_not_json", "the body is not one JSON document")
        return None


def _request_id(wanted: str) -> str:
    """The caller's own id where it is harmless in a log, else a new one."""
    return wanted if _REQUEST_ID.fullmatch(wanted) else f"req_{secrets.token_hex(12)}"


def _replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once and then whatever the connection says."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _with_headers(send: Send, request_id: str, watched: Watched) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            watched.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = request_id
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return with_headers
