"""What transactions bid for compute units, block by block (Agave, prioritization_fee.rs)."""

from __future__ import annotations

import struct
from collections.abc import Set
from typing import Final

from solders.compute_budget import ID as COMPUTE_BUDGET
from solders.message import MessageV1
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from chains.devnet.solana_server.chain import Block

_SET_PRICE: Final = struct.Struct("<BQ")
_SET_PRICE_TAG: Final = 3


def lowest_bids(block: Block, keys: Set[Pubkey]) -> int:
    """Micro-lamports per compute unit with which one could have entered `block`, writing `keys`:
    the lowest bid of all, or of those that wrote a key if that is higher. 0 for an empty block."""
    bids = [(unit_price(done.transaction), done.loaded) for done in block.transactions]
    lowest = min((price for price, _ in bids), default=0)
    for key in keys:
        rivals = [
            price
            for price, loaded in bids
            if any(k == key and w for k, w in zip(loaded.keys, loaded.writable, strict=True))
        ]
        lowest = max(lowest, min(rivals, default=0))
    return lowest


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
