"""What comes over the bridge to Polygon PoS: the last transaction of some blocks.

Nobody signed it: it is from the zero address, uses no nonce and no gas, and runs what validators
have agreed to have seen on Ethereum (bor, consensus/bor: CommitStates; PIP-74 made it a transaction
of type 0x7f). Nodes trace it in three ways, or not at all. But bor writes a log for every payment
of the native coin (core/bor_fee_log.go), so the receipt tells what it moved.

Its hash follows from the block's before PIP-74, so it is another one after a reorg.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from chains.evm.traits.ways import Json, Way

_TYPE: Final = "0x7f"
_COIN: Final = "0x0000000000000000000000000000000000001010"
"""The contract that stands for the native coin, in whose name bor writes these logs."""
_PAYMENT: Final = "0xe6497e3ee548a3372136af2fcb0696db31fc6cf20260707645068bd3fe97f3c4"
"""LogTransfer(address,address,address,uint256,uint256,uint256,uint256,uint256)."""


def is_state_sync(tx: Json) -> bool:
    """Nobody has the zero address's key, so nothing else comes from there."""
    sender = tx.get("from")
    return tx.get("type") == _TYPE or (sender is not None and not int(sender, 16))


def read(tx: Json, trace: Json | None, receipt: Json | None) -> Way | None:
    if not is_state_sync(tx):
        return None
    assert receipt is not None, "only its receipt tells"
    beside = tuple((place, payer, payee, units) for place, payer, payee, units in receipt["paid"])
    return Way(nonce=None, charged=False, beside=beside, calls=False)


def paid(receipt: Json) -> dict[str, list[list[Any]]]:
    """What a state sync's receipt says that it moved, to be kept of it; nothing of any other. Of a
    log with topics LogTransfer, token, payer and payee the first word of its data is the amount."""
    if not is_state_sync(receipt):
        return {}
    moved = []
    for ordinal, log in enumerate(receipt["logs"]):
        if log["address"].lower() == _COIN and log["topics"][0] == _PAYMENT:
            payer, payee = ("0x" + topic[-40:] for topic in log["topics"][2:4])
            units = int(log["data"][2:66], 16)
            if units and payer != payee:
                moved.append([f"log:{ordinal}", payer, payee, units])
    return {"paid": moved}


def traced(transactions: Sequence[Json], traces: Sequence[Json]) -> list[Json]:
    """One trace for each transaction, an empty one for what the node did not trace."""
    if len(traces) == len(transactions) - 1 and is_state_sync(transactions[-1]):
        return [*traces, {}]
    return list(traces)
