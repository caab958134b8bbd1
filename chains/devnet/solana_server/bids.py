"""What a transaction bids for compute units (Agave, prioritization_fee.rs), and who goes first."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.hash import Hash
from solders.message import MessageV1
from solders.transaction import VersionedTransaction

_SET_PRICE: Final = struct.Struct("<BQ")
_SET_PRICE_TAG: Final = 3


def unit_price(transaction: VersionedTransaction) -> int:
    """The bid that SetComputeUnitPrice states. Version 1 messages state a total instead, which is
    not reported here."""
    message = transaction.message
    if isinstance(message, MessageV1):
        return 0
    for instruction in message.instructions:
        data = bytes(instruction.data)
        program = message.account_keys[instruction.program_id_index]
        if program == COMPUTE_BUDGET and len(data) == _SET_PRICE.size and data[0] == _SET_PRICE_TAG:
            price: int = _SET_PRICE.unpack(data)[1]
            return price
    return 0


def in_order(waiting: Sequence[VersionedTransaction]) -> list[VersionedTransaction]:
    """As they came, but of those on one nonce value, of which one can get in, the highest bid takes
    the first place."""
    rivals: dict[Hash, list[VersionedTransaction]] = {}
    for each in waiting:
        if each.uses_durable_nonce():
            rivals.setdefault(each.message.recent_blockhash, []).append(each)
    turns = {
        value: iter(sorted(all_, key=unit_price, reverse=True)) for value, all_ in rivals.items()
    }
    return [
        next(turns[each.message.recent_blockhash]) if each.uses_durable_nonce() else each
        for each in waiting
    ]
