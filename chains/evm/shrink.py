"""What is needed of a block, its traces and its receipts, and nothing else. Pure, JSON to JSON.

Most of these answers is call data, and logs that nobody here looks at. They are shrunk where they
are decoded, which may be in another process (`chains.transport.offload`).
"""

from __future__ import annotations

from typing import Any, Final

from chains.contracts import reverts
from chains.evm import calls, transfers, uses, wrapping
from chains.evm.address import spell
from chains.evm.traits import arbos, l1_data_fee, state_sync

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
    "logsBloom",
)
_TRANSACTION: Final = (
    "hash",
    "type",
    "from",
    "nonce",
    "to",
    "value",
    "gasPrice",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
    "authorizationList",
    "mint",
)
_RECEIPT: Final = (
    "transactionHash",
    "type",
    "status",
    "gasUsed",
    "effectiveGasPrice",
    "blobGasUsed",
    "blobGasPrice",
    "contractAddress",
    *l1_data_fee.RECEIPT,
    "depositNonce",
)


def block(found: Any) -> Any:
    """Of eth_getBlockByNumber with whole transactions."""
    transactions = [_only(tx, _TRANSACTION) | transfers.asked(tx) for tx in found["transactions"]]
    return _only(found, _BLOCK) | {"transactions": transactions}


def receipts(found: Any) -> Any:
    """Of eth_getBlockReceipts."""
    return [
        _only(receipt, _RECEIPT) | state_sync.paid(receipt) | _logged(receipt["logs"])
        for receipt in found
    ]


def _logged(found: Any) -> dict[str, Any]:
    return {
        "transfers": transfers.told(found),
        "used": uses.told(found),
        "wrapped": wrapping.told(found),
    }


def shown(found: Any) -> Any:
    """Of eth_getBlockReceipts: the filter of all logs that they show, the transfers in them, the
    authorizations that they use up, and what is wrapped."""
    logged = {each["transactionHash"]: _logged(each["logs"]) for each in found}
    kinds = ("transfers", "used", "wrapped")
    by_kind = {kind: {txid: each[kind] for txid, each in logged.items()} for kind in kinds}
    return {"bloom": transfers.shown(found), **by_kind}


def logs(found: Any) -> Any:
    """Of eth_getLogs."""
    names = ("address", "topics", "data", "blockHash", "transactionHash", "logIndex", "removed")
    return [_only(log, names) for log in found]


def traces(found: Any) -> Any:
    """Of debug_traceBlock… with the callTracer: for each transaction its gas, its failure in the
    node's words (`error`), what its calls moved (`moved`) and what the chain itself did (`beside`);
    only its hash where the node could not trace it."""
    return [_trace(trace) for trace in found]


def _trace(trace: Any) -> dict[str, Any]:
    kept = _only(trace, ("txHash",))
    if "result" not in trace:
        return kept
    root = trace["result"]
    told = _only(root, ("gasUsed",)) | _failure(root) | arbos.beside(root)
    return kept | told | {"moved": calls.moved(root)}


def _failure(root: Any) -> dict[str, str]:
    """With what the contract returned, read: nobody has it any more once its state is gone."""
    if not root.get("error"):
        return {}
    returned = str(root.get("output") or "0x")
    if len(returned) <= len("0x"):
        return {"error": root["error"]}
    return {"error": f"{root['error']}: {reverts.told(bytes.fromhex(returned[2:]), spell)}"}


def _only(table: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise TypeError("an object expected")
    return {name: table[name] for name in names if name in table}
