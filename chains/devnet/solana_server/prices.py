"""What transactions bid for compute units, block by block (Agave, prioritization_fee.rs)."""

from __future__ import annotations

from collections.abc import Set

from solders.pubkey import Pubkey

from chains.devnet.solana_server.bids import unit_price
from chains.devnet.solana_server.chain import Block


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
