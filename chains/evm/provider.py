"""Single questions, asked and read by web3, over our own wire.

web3's HTTP provider opens a connection for each request and takes a lock in a thread pool; so what
carries its questions is `chains.transport`.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

from web3 import AsyncWeb3
from web3.exceptions import Web3Exception, Web3RPCError
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import RPCEndpoint, RPCError, RPCResponse

from chains.errors import NodeMisbehaved
from chains.evm.rpc import RpcError
from chains.transport.jsonrpc import Fault, JsonRpc

T = TypeVar("T")


class Questions:
    """To one node. Raises RpcError and NodeMisbehaved, and NodeUnavailable."""

    def __init__(self, rpc: JsonRpc) -> None:
        self._eth = AsyncWeb3(_Provider(rpc), middleware=[]).eth

    async def chain_id(self) -> int:
        """EIP-695."""
        return await _told(self._eth.chain_id)

    async def max_priority_fee(self) -> int:
        """Wei for each unit of gas."""
        return await _told(self._eth.max_priority_fee)


class _Provider(AsyncJSONBaseProvider):
    """web3's view of one node."""

    def __init__(self, rpc: JsonRpc) -> None:
        super().__init__()
        self._rpc = rpc

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """web3 raises JSON-RPC errors itself (see `_told`)."""
        result = await self._rpc.ask(method, params)
        if isinstance(result, Fault):
            error = RPCError(code=result.code, message=result.message)
            return RPCResponse(jsonrpc="2.0", id=1, error=error)
        return RPCResponse(jsonrpc="2.0", id=1, result=result)


async def _told(awaitable: Awaitable[T]) -> T:
    """What web3 was told, with its errors in our words."""
    try:
        return await awaitable
    except Web3RPCError as error:
        if error.rpc_response is None:
            raise NodeMisbehaved("an answer that web3 does not understand") from None
        told = error.rpc_response["error"]
        raise RpcError(told["code"], told["message"]) from None
    except (Web3Exception, ValueError, TypeError, KeyError) as error:
        raise NodeMisbehaved(f"an answer that web3 can't read ({type(error).__name__})") from error
