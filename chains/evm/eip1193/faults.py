"""The codes with which a wallet says no (EIP-1193, EIP-1474, EIP-5792 and JSON-RPC 2.0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
INVALID_PARAMS: Final = -32602
INTERNAL: Final = -32603
PENDING: Final = -32002
"""EIP-1474's "resource unavailable": people or machines have to do something first."""
REJECTED: Final = -32003
"""EIP-1474's "transaction rejected"."""
LIMITED: Final = -32005
USER_REJECTED: Final = 4001
UNAUTHORIZED: Final = 4100
UNSUPPORTED: Final = 4200
CHAIN_DISCONNECTED: Final = 4901
CHAIN_UNKNOWN: Final = 4902
"""EIP-3326: the wallet has no such chain."""
CAPABILITY_UNSUPPORTED: Final = 5700
CHAIN_UNSUPPORTED: Final = 5710
ID_USED: Final = 5720
ID_UNKNOWN: Final = 5730
TOO_LARGE: Final = 5740
ATOMICITY_UNSUPPORTED: Final = 5760


class RpcFault(Exception):
    """An answer that says no. `code` is one of the above, or a node's own; `data`: for programs."""

    def __init__(self, code: int, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data: Any = data


def unsupported(message: str) -> RpcFault:
    """The wallet does not do that, and says why."""
    return RpcFault(UNSUPPORTED, message)


def invalid(message: str) -> RpcFault:
    """The parameters mean nothing."""
    return RpcFault(INVALID_PARAMS, message)
