"""JSON-RPC to a bitcoin node: one method call, or several in one request. Knows no method.

Credentials come in the URL's user part and leave it at once: they live on in the client's
authorization header only, never in a URL, a log line or an error. Proxy settings of the environment
are ignored; the node is asked directly.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from typing import Any, Final

import httpx2

from chains.errors import NodeMisbehaved, NodeUnavailable

# Bitcoin Core, src/rpc/protocol.h
RPC_MISC_ERROR: Final = -1
RPC_INVALID_ADDRESS_OR_KEY: Final = -5
RPC_INVALID_PARAMETER: Final = -8
RPC_VERIFY_ALREADY_IN_UTXO_SET: Final = -27
_RPC_IN_WARMUP: Final = -28

_UNAUTHORIZED: Final = (401, 403)
_OVERLOADED: Final = 503
_REASON_LENGTH_MAX: Final = 200

Call = tuple[str, Sequence[object]]


class RpcRefused(NodeMisbehaved):
    """The node answered with an error of its own. Callers handle the codes they expect; one that
    nobody expected means that the node is not what we think it is."""

    def __init__(self, method: str, rpc_code: int, reason: str) -> None:
        self.rpc_code = rpc_code
        self.reason = reason[:_REASON_LENGTH_MAX]
        super().__init__(f"{method} failed with {rpc_code}: {self.reason}")


class BitcoinRpc:
    """A client of one node. Raises NodeUnavailable, NodeMisbehaved or RpcRefused."""

    def __init__(self, url: str, timeout_s: float) -> None:
        parsed = httpx2.URL(url)
        self._timeout_s = timeout_s
        self._place = f"{parsed.host}:{parsed.port or parsed.scheme}"
        self._url = parsed.copy_with(username=None, password=None)
        self._ids = count(1)
        self._client = httpx2.AsyncClient(
            auth=httpx2.BasicAuth(parsed.username, parsed.password) if parsed.userinfo else None,
            headers={"content-type": "application/json"},
            timeout=timeout_s,
            trust_env=False,
        )

    async def call(self, method: str, *arguments: object, timeout_s: float | None = None) -> Any:
        """The result of one call. Decimal numbers in it are `Decimal`."""
        [result] = await self.batch([(method, arguments)], timeout_s=timeout_s)
        if isinstance(result, RpcRefused):
            raise result
        return result

    async def batch(self, calls: Sequence[Call], *, timeout_s: float | None = None) -> list[Any]:
        """The results of several calls in one request, in order; refused ones as RpcRefused."""
        ids = [next(self._ids) for _ in calls]
        requests = [
            {"jsonrpc": "1.0", "id": number, "method": method, "params": list(arguments)}
            for number, (method, arguments) in zip(ids, calls, strict=True)
        ]
        reply = await self._post(requests if len(requests) > 1 else requests[0], timeout_s)
        replies = reply if isinstance(reply, list) else [reply]
        try:
            by_id = {each["id"]: each for each in replies}
            ordered = [by_id[number] for number in ids]
            return [_result(method, each) for (method, _), each in zip(calls, ordered, strict=True)]
        except (KeyError, TypeError):
            raise NodeMisbehaved(f"{self._place} answered something that is not JSON-RPC") from None

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(self, body: object, timeout_s: float | None) -> Any:
        try:
            response = await self._client.post(
                self._url, content=json.dumps(body), timeout=timeout_s or self._timeout_s
            )
        except httpx2.TimeoutException:
            raise NodeUnavailable(f"{self._place} did not answer in time") from None
        except httpx2.HTTPError as error:
            kind = type(error).__name__  # its text may hold anything
            raise NodeUnavailable(f"{self._place} is unreachable ({kind})") from None
        if response.status_code in _UNAUTHORIZED:
            raise NodeUnavailable(
                f"{self._place} does not accept our credentials",
                advice="check user and password in the node's URL, and rpcallowip on the node",
            )
        try:
            # Errors of a single call come with status 500 or 404 and a JSON body.
            if response.status_code == _OVERLOADED:
                raise ValueError
            return json.loads(response.content, parse_float=Decimal)
        except ValueError:
            raise NodeUnavailable(f"{self._place} answered HTTP {response.status_code}") from None


def _result(method: str, reply: Any) -> Any:
    error = reply["error"]
    if error is None:
        return reply["result"]
    code, message = int(error["code"]), str(error["message"])
    if code == _RPC_IN_WARMUP:
        raise NodeUnavailable(f"the node is still starting: {message[:_REASON_LENGTH_MAX]}")
    return RpcRefused(method, code, message)
