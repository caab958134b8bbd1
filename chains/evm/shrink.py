"""What is needed of a block, its traces and its receipts, in the same shape. Pure, JSON to JSON.

Most of these answers is call data, which nobody here looks at. They are shrunk where they are
decoded, which may be in another process (`chains.transport.offload`).
"""

from __future__ import annotations

from typing import Any, Final

_BLOCK: Final = (
    "number",
    "hash",
    "parentHash",
    "timestamp",
    "gasUsed",
    "baseFeePerGas",
    "miner",
    "withdrawals",
    "withdrawalsRoot",
)
_TRANSACTION: Final = (
    "hash",
    "to",
    "value",
    "gasPrice",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
)
_RECEIPT: Final = ("transactionHash", "status", "gasUsed", "contractAddress")
_CALL: Final = ("type", "from", "to", "value")
MOVES: Final = frozenset({"CALL", "CREATE", "CREATE2", "SELFDESTRUCT"})
"""Kinds of calls whose value goes from one account to another."""


def block(found: Any) -> Any:
    """Of eth_getBlockByNumber with whole transactions."""
    transactions = [_only(tx, _TRANSACTION) for tx in found["transactions"]]
    return _only(found, _BLOCK) | {"transactions": transactions}


def receipts(found: Any) -> Any:
    """Of eth_getBlockReceipts."""
    return [_only(receipt, _RECEIPT) for receipt in found]


def traces(found: Any) -> Any:
    """Of debug_traceBlock… with the callTracer: below each transaction's own call, in the order of
    execution, the calls that carry value and took effect."""
    return [_trace(trace) for trace in found]


def _trace(trace: Any) -> dict[str, Any]:
    kept = _only(trace, ("txHash",))
    if "result" not in trace:
        return kept
    root = trace["result"]
    shrunk = _only(root, (*_CALL, "gasUsed", "error"))
    if not root.get("error"):
        shrunk["calls"] = _paying(root)
    return kept | {"result": shrunk}


def _paying(root: Any) -> list[dict[str, Any]]:
    found = []
    waiting = list(reversed(root.get("calls") or ()))
    while waiting:
        call = waiting.pop()
        if call.get("error"):
            continue
        if value_of(call):
            found.append(_only(call, _CALL))
        waiting.extend(reversed(call.get("calls") or ()))
    return found


def value_of(call: Any) -> int:
    """What a call carries, in base units. A kind that moves value always says how much; a node that
    leaves it out would hide a payment. Raises ValueError."""
    value = call.get("value")
    if value is None and call["type"] in MOVES:
        raise ValueError(f"a {call['type']} without its value")
    return int(value or "0x0", 16)


def _only(table: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise TypeError("an object expected")
    return {name: table[name] for name in names if name in table}
