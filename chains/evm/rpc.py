"""Speaks JSON-RPC with one node: the wire beneath web3, and errors in our own words.

web3's own HTTP provider opens a connection for each request and takes a lock in a thread pool;
this one keeps connections and decodes answers in C. Messages never contain the node's URL, which
may hold credentials. Knows no transaction and no block.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar, cast

from aiohttp import ClientError, ClientSession, ClientTimeout
from pydantic_core import from_json
from web3.exceptions import Web3Exception, Web3RPCError
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse

from chains.errors import NodeMisbehaved, NodeUnavailable

T = TypeVar("T")

Call = tuple[str, Sequence[object]]
"""Method and positional arguments."""

NO_SUCH_METHOD: Final = frozenset({-32601, -32004})
"""JSON-RPC 2.0, section 5.1, and EIP-1474."""

_MESSAGE_MAX: Final = 200
_TRANSIENT: Final = NO_SUCH_METHOD | {-32002, -32005, -32603}
"""Codes about the node's own state, not about what was asked: unavailable, limited, crashed."""


class RpcError(NodeUnavailable):
    """The node answered with a JSON-RPC error. `number` and `reason` are its own."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"the node answered with error {number}: {reason}")
        self.number = number
        self.reason = reason

    @property
    def transient(self) -> bool:
        """Says nothing about the request itself."""
        return self.number in _TRANSIENT

    @classmethod
    def of(cls, error: object) -> RpcError:
        """From the `error` member of a response."""
        fields = error if isinstance(error, dict) else {"message": error}
        number = fields.get("code")
        reason = " ".join(str(fields.get("message", "")).split())[:_MESSAGE_MAX]
        return cls(number if isinstance(number, int) else 0, reason)


class NodeConnection(AsyncJSONBaseProvider):
    """A web3 provider for one node. `call` is the short way past web3, for hot paths."""

    def __init__(self, url: str, timeout_s: float) -> None:
        super().__init__()
        self._url = url
        self._timeout_s = timeout_s
        self._session: ClientSession | None = None

    async def call(self, method: str, *params: object) -> Any:
        """The bare `result`, which may be None. Raises NodeUnavailable or NodeMisbehaved."""
        response = await self._exchange(method, params)
        if response.get("error") is not None:
            raise RpcError.of(response["error"])
        if "result" not in response:
            raise NodeMisbehaved("an answer without result")
        return response["result"]

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The results of several calls in one request, in order, all of one node; refused ones as
        RpcError."""
        requests = [self.form_request(RPCEndpoint(method), params) for method, params in calls]
        body = await self._post(json.dumps(requests, separators=(",", ":")).encode())
        try:
            by_id = {each["id"]: each for each in from_json(body, cache_strings="keys")}
            replies = [by_id[request["id"]] for request in requests]
            return [
                each["result"] if each.get("error") is None else RpcError.of(each["error"])
                for each in replies
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise NodeMisbehaved("an answer that is not a batch's") from error

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """What web3 calls; it raises JSON-RPC errors itself (see `ask`)."""
        return cast(RPCResponse, await self._exchange(method, params))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(self, method: str, params: object) -> dict[str, Any]:
        request = self.form_request(RPCEndpoint(method), params)
        body = await self._post(json.dumps(request, separators=(",", ":")).encode())
        try:
            response = from_json(body, cache_strings="keys")
        except ValueError as error:
            raise NodeMisbehaved("an answer that is not JSON") from error
        if not isinstance(response, dict) or response.get("id") not in (request["id"], None):
            raise NodeMisbehaved("an answer to another question")
        return response

    async def _post(self, data: bytes) -> bytes:
        if self._session is None:
            self._session = ClientSession(
                timeout=ClientTimeout(total=self._timeout_s),
                headers={"Content-Type": "application/json"},
            )
        # Causes are cut off below: aiohttp's messages repeat the URL.
        try:
            async with self._session.post(self._url, data=data, allow_redirects=False) as response:
                status, body = response.status, await response.read()
        except TimeoutError:
            raise NodeUnavailable(f"no answer within {self._timeout_s:g} s") from None
        except (ClientError, OSError) as error:
            raise NodeUnavailable(f"no answer ({type(error).__name__})") from None
        if status in (401, 403):
            advice = "check the credentials in the node's URL"
            raise NodeUnavailable(f"the node refuses us (HTTP {status})", advice=advice)
        if status != 200:
            raise NodeUnavailable(f"the node answered HTTP {status}")
        return body


async def ask(awaitable: Awaitable[T]) -> T:
    """Await a call of web3, with its errors in our words."""
    try:
        return await awaitable
    except Web3RPCError as error:
        response = error.rpc_response or {}
        raise RpcError.of(response.get("error")) from None
    except (Web3Exception, ValueError, TypeError, KeyError) as error:
        raise NodeMisbehaved(f"an answer that web3 can't read ({type(error).__name__})") from error


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Whatever is missing or malformed in an answer read inside is the node's fault."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise NodeMisbehaved(f"{what} that can't be read ({type(error).__name__})") from error
