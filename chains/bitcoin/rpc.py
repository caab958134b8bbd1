"""JSON-RPC to a bitcoin node: one method call, or several in one request. Knows no method.

How the node is reached is `chains.transport`'s affair. What is special here: amounts are read as
`Decimal`, and a node that is still starting is not there yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final, NoReturn

from chains.answers import attempt
from chains.errors import NodeError, NodeMisbehaved, NodeUnavailable
from chains.json_text import read_json
from chains.transport.connection import Connection
from chains.transport.endpoint import Endpoint
from chains.transport.jsonrpc import Call, Fault, JsonRpc

# Bitcoin Core, src/rpc/protocol.h
RPC_MISC_ERROR: Final = -1
RPC_INVALID_ADDRESS_OR_KEY: Final = -5
RPC_INVALID_PARAMETER: Final = -8
RPC_VERIFY_ALREADY_IN_UTXO_SET: Final = -27
_RPC_IN_WARMUP: Final = -28


class RpcRefused(NodeMisbehaved):
    """The node answered with an error of its own. Callers handle the codes they expect; one that
    nobody expected means that the node is not what we think it is."""

    def __init__(self, method: str, rpc_code: int, reason: str) -> None:
        self.rpc_code = rpc_code
        self.reason = reason
        super().__init__(f"{method} failed with {rpc_code}: {reason}")


class BitcoinRpc:
    """A client of one node. Raises NodeUnavailable, NodeMisbehaved or RpcRefused."""

    def __init__(self, endpoint: str | Endpoint, timeout_s: float) -> None:
        self._rpc = JsonRpc(Connection(endpoint, timeout_s), decode=_decode)

    async def call(self, method: str, *arguments: object, timeout_s: float | None = None) -> Any:
        """The result of one call. Decimal numbers in it are `Decimal`."""
        result = _result(method, await self._rpc.ask(method, arguments, timeout_s=timeout_s))
        if isinstance(result, RpcRefused):
            raise result
        return result

    async def batch(self, calls: Sequence[Call], *, timeout_s: float | None = None) -> list[Any]:
        """The results of several calls in one request, in order; refused ones as RpcRefused."""
        results = await self._rpc.ask_all(calls, timeout_s=timeout_s)
        for each in results:
            if isinstance(each, NodeError):
                raise each
        return [_result(method, each) for (method, _), each in zip(calls, results, strict=True)]

    async def each(self, calls: Sequence[Call]) -> list[Any]:
        """As `batch` for what does not belong together: a call that failed has its NodeError."""
        results = await self._rpc.ask_all(calls)
        return [
            attempt(partial(_result, method, each))
            for (method, _), each in zip(calls, results, strict=True)
        ]

    async def close(self) -> None:
        await self._rpc.close()


def _result(method: str, result: Any) -> Any:
    if not isinstance(result, Fault):
        return result
    if result.code == _RPC_IN_WARMUP:
        raise NodeUnavailable(f"the node is still starting: {result.message}")
    return RpcRefused(method, result.code, result.message)


def _decode(body: bytes) -> Any:
    return read_json(body, parse_float=Decimal, parse_constant=_no_number)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")
