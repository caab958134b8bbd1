"""Speaks JSON-RPC with one node: the wire beneath web3, and errors in our own words.

web3's own HTTP provider opens a connection for each request and takes a lock in a thread pool;
ours is `chains.transport`. Knows no transaction and no block.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

from pydantic_core import from_json
from web3.exceptions import Web3Exception, Web3RPCError
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import RPCEndpoint, RPCError, RPCResponse

from chains.errors import NodeMisbehaved, NodeUnavailable
from chains.transport.connection import Connection
from chains.transport.endpoint import Endpoint
from chains.transport.jsonrpc import Call, Fault, JsonRpc
from chains.transport.offload import Reader

T = TypeVar("T")

_decode = partial(from_json, cache_strings="keys")

NO_SUCH_METHOD: Final = frozenset({-32601, -32004})
"""JSON-RPC 2.0, section 5.1, and EIP-1474."""

_LIMITED: Final = frozenset({-32005, -32007})
"""EIP-1474's "limit exceeded", and what some providers use."""
_TRANSIENT: Final = NO_SUCH_METHOD | {-32002, -32603}
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
    def of(cls, error: Any) -> RpcError:
        """From what `NodeConnection.make_request` gave to web3."""
        return cls(error["code"], error["message"])


class NodeConnection(AsyncJSONBaseProvider):
    """A web3 provider for one node. `call` is the short way past web3, for hot paths."""

    def __init__(self, endpoint: str | Endpoint, timeout_s: float) -> None:
        super().__init__()
        self._rpc = JsonRpc(Connection(endpoint, timeout_s), decode=_decode, limits=_LIMITED)

    async def call(self, method: str, *params: object, reader: Reader | None = None) -> Any:
        """The bare `result`, which may be None; what `reader` keeps of it, where it may be large.
        Raises NodeUnavailable or NodeMisbehaved."""
        result = await self._rpc.ask(method, params, reader=reader)
        if isinstance(result, Fault):
            raise RpcError(result.code, result.message)
        return result

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """The results of several calls in one request, in order, all of one node; refused ones as
        RpcError."""
        return [
            RpcError(each.code, each.message) if isinstance(each, Fault) else each
            for each in await self._rpc.ask_all(calls)
        ]

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """What web3 calls; it raises JSON-RPC errors itself (see `ask`)."""
        result = await self._rpc.ask(method, params)
        if isinstance(result, Fault):
            error = RPCError(code=result.code, message=result.message)
            return RPCResponse(jsonrpc="2.0", id=1, error=error)
        return RPCResponse(jsonrpc="2.0", id=1, result=result)

    async def close(self) -> None:
        await self._rpc.close()


async def ask(awaitable: Awaitable[T]) -> T:
    """Await a call of web3, with its errors in our words."""
    try:
        return await awaitable
    except Web3RPCError as error:
        if error.rpc_response is None:
            raise NodeMisbehaved("an answer that web3 does not understand") from None
        raise RpcError.of(error.rpc_response["error"]) from None
    except (Web3Exception, ValueError, TypeError, KeyError) as error:
        raise NodeMisbehaved(f"an answer that web3 can't read ({type(error).__name__})") from error


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Whatever is missing or malformed in an answer read inside is the node's fault."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise NodeMisbehaved(f"{what} that can't be read ({type(error).__name__})") from error
