"""What apps may ask of the network's own node, and how much of it: a list, and nothing beside it.

What a node answers is for the app alone: nobody here believes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from chains.evm.eip1193.faults import LIMITED, RpcFault, invalid, unsupported
from chains.evm.eip1193.fields import listed, members, quantity

LOGS_BLOCKS_MAX: Final = 2_000
"""Blocks that one question for logs may span."""
LOGS_WORDS_MAX: Final = 100
"""Addresses, and alternatives of a topic, in one question for logs."""
HISTORY_BLOCKS_MAX: Final = 1_024
_TOPICS_MAX: Final = 4
_PERCENTILES_MAX: Final = 20
_LATEST: Final = ("latest", "pending")

Check = Callable[[Sequence[Any]], Sequence[Any]]


def _some(least: int, most: int) -> Check:
    return lambda params: listed(params, least, most)


def _called(params: Sequence[Any]) -> Sequence[Any]:
    """No made-up state, which would have a node compute what is nowhere; no delegations."""
    found = listed(params, 1, 2)
    if "authorizationList" in members(found[0], "the call"):
        raise unsupported("authorizationList: not asked here")
    return found


def _history(params: Sequence[Any]) -> Sequence[Any]:
    found = listed(params, 2, 3)
    blocks = found[0] if isinstance(found[0], int) else quantity(found[0], "blockCount")
    if isinstance(found[0], bool) or not 0 < blocks <= HISTORY_BLOCKS_MAX:
        raise RpcFault(LIMITED, f"1 to {HISTORY_BLOCKS_MAX} blocks of fees at a time")
    wanted = found[2] if len(found) > 2 and found[2] is not None else []
    if not isinstance(wanted, list) or len(wanted) > _PERCENTILES_MAX:
        raise invalid(f"at most {_PERCENTILES_MAX} percentiles")
    return [hex(blocks), found[1], wanted]


def _logs(params: Sequence[Any]) -> Sequence[Any]:
    return [filter_of(listed(params, 1, 1)[0])]


READS: Final[Mapping[str, Check]] = {
    "eth_blockNumber": _some(0, 0),
    "eth_gasPrice": _some(0, 0),
    "eth_maxPriorityFeePerGas": _some(0, 0),
    "eth_blobBaseFee": _some(0, 0),
    "eth_syncing": _some(0, 0),
    "eth_feeHistory": _history,
    "eth_getBalance": _some(1, 2),
    "eth_getCode": _some(1, 2),
    "eth_getStorageAt": _some(2, 3),
    "eth_getTransactionCount": _some(1, 2),
    "eth_call": _called,
    "eth_estimateGas": _called,
    "eth_getLogs": _logs,
    "eth_getBlockByNumber": _some(1, 2),
    "eth_getBlockByHash": _some(1, 2),
    "eth_getBlockTransactionCountByNumber": _some(1, 1),
    "eth_getBlockTransactionCountByHash": _some(1, 1),
    "eth_getTransactionByHash": _some(1, 1),
    "eth_getTransactionByBlockNumberAndIndex": _some(2, 2),
    "eth_getTransactionByBlockHashAndIndex": _some(2, 2),
    "eth_getTransactionReceipt": _some(1, 1),
}
"""Method, and what its parameters may be."""


def filter_of(given: object) -> dict[str, Any]:
    """A filter of logs, without more words than a node should look for. Raises RpcFault."""
    found = dict(members(given, "the filter"))
    unknown = sorted(found.keys() - {"fromBlock", "toBlock", "blockHash", "address", "topics"})
    if unknown:
        raise invalid(f"{unknown[0][:64]}: not understood here")
    topics = found.get("topics") or []
    if not isinstance(topics, list) or len(topics) > _TOPICS_MAX:
        raise invalid(f"topics: a list of at most {_TOPICS_MAX}")
    for each in (found.get("address"), *topics):
        if isinstance(each, list) and len(each) > LOGS_WORDS_MAX:
            raise RpcFault(LIMITED, f"at most {LOGS_WORDS_MAX} alternatives in one place")
    if "blockHash" in found and ("fromBlock" in found or "toBlock" in found):
        raise invalid("give blockHash or a range, not both")
    return found


def span(asked: Mapping[str, Any], tip: int) -> dict[str, Any]:
    """The same filter with a range of numbers. Raises RpcFault for one that is too long. `tip`: the
    newest block's height."""
    if "blockHash" in asked:
        return dict(asked)
    first, last = (_height(asked.get(name), name, tip) for name in ("fromBlock", "toBlock"))
    if last - first >= LOGS_BLOCKS_MAX:
        words = f"at most {LOGS_BLOCKS_MAX} blocks at a time: ask for {hex(first)} to "
        raise RpcFault(LIMITED, words + hex(first + LOGS_BLOCKS_MAX - 1) + " first")
    return {**asked, "fromBlock": hex(first), "toBlock": hex(last)}


def _height(value: object, name: str, tip: int) -> int:
    if value is None or value in _LATEST:
        return tip
    return 0 if value == "earliest" else quantity(value, name)
