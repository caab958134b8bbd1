"""Speaks JSON-RPC with one node, and says errors in our own words.

web3 asks and reads single questions (`provider`); it has no batch whose parts fail for themselves,
so a set of questions goes past it. Knows no transaction and no block.
"""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from chains.errors import NodeError, NodeMisbehaved, NodeUnavailable
from chains.transport.connection import Connection
from chains.transport.endpoint import Endpoint
from chains.transport.jsonrpc import Call, Fault, JsonRpc
from chains.transport.offload import Reader

if TYPE_CHECKING:
    from chains.evm.provider import Questions

_decode = partial(from_json, cache_strings="keys")

NO_SUCH_METHOD: Final = frozenset({-32601, -32004})
"""JSON-RPC 2.0, section 5.1, and EIP-1474."""

_LIMITED: Final = frozenset({-32005, -32007})
"""EIP-1474's "limit exceeded", and what some providers use."""
_DATA_DIGITS_MAX: Final = 65_536
_TRANSIENT: Final = NO_SUCH_METHOD | {-32002, -32603}
"""Codes about the node's own state, not about what was asked: unavailable, limited, crashed."""


class RpcError(NodeUnavailable):
    """The node answered with a JSON-RPC error. `number` and `reason` are its own; `returned`: what
    a contract that refused gave back, where the node shows it."""

    def __init__(self, number: int, reason: str, data: object = None) -> None:
        super().__init__(f"the node answered with error {number}: {reason}")
        self.number = number
        self.reason = reason
        self.returned = _octets(data)

    @property
    def transient(self) -> bool:
        """Says nothing about the request itself."""
        return self.number in _TRANSIENT


class NodeConnection:
    """One node. Whatever is asked raises NodeUnavailable or NodeMisbehaved."""

    def __init__(self, endpoint: str | Endpoint, timeout_s: float) -> None:
        self._rpc = JsonRpc(Connection(endpoint, timeout_s), decode=_decode, limits=_LIMITED)
        self._questions: Questions | None = None

    async def call(self, method: str, *params: object, reader: Reader | None = None) -> Any:
        """The bare `result`, which may be None; what `reader` keeps of it, where it may be large.
        Raises RpcError too."""
        result = await self._rpc.ask(method, params, reader=reader)
        if isinstance(result, Fault):
            raise RpcError(result.code, result.message, result.data)
        return result

    async def relay(self, method: str, params: Sequence[object]) -> Any:
        """The bare `result` of somebody else's question, or what the node says against it, whole:
        that is theirs too, and says nothing about the node."""
        return await self._rpc.ask(method, params)

    async def each(self, calls: Sequence[Call]) -> list[Any]:
        """The results of several calls in one request, in order, all of one node; for one that
        failed its NodeError, RpcError where the node refused it."""
        return [
            RpcError(each.code, each.message, each.data) if isinstance(each, Fault) else each
            for each in await self._rpc.ask_all(calls)
        ]

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        """As `each` for what belongs together: only RpcErrors are answers."""
        answers = await self.each(calls)
        for answer in answers:
            if isinstance(answer, NodeError) and not isinstance(answer, RpcError):
                raise answer
        return answers

    async def questions(self) -> Questions:
        """Single ones, by web3: a third of all that a process of ours imports, which takes a second
        and more. So it is loaded in a thread when the first is asked, and others wait for nothing.
        Who has no EVM node never loads it."""
        if self._questions is None:
            provider = await to_thread(import_module, "chains.evm.provider")
            self._questions = provider.Questions(self._rpc)
        return self._questions

    async def close(self) -> None:
        await self._rpc.close()


def _octets(data: object) -> bytes | None:
    """Of an error's `data`, in hexadecimal digits behind 0x (geth)."""
    if not isinstance(data, str) or not data.startswith("0x") or len(data) > _DATA_DIGITS_MAX:
        return None
    try:
        return bytes.fromhex(data[2:])
    except ValueError:
        return None


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Whatever is missing or malformed in an answer read inside is the node's fault."""
    try:
        yield
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise NodeMisbehaved(f"{what} that can't be read ({type(error).__name__})") from error
