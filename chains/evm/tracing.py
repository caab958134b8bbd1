"""What a node's refusal to trace a block means. Pure.

A full node keeps the state of its newest 128 blocks (geth's TriesInMemory, and as much in path
mode); blocks below can't be traced there, while their receipts remain.
"""

from __future__ import annotations

from typing import Final

STATE_DEPTH: Final = 128
"""How many blocks back geth and BSC trace, where a network's row says nothing else. Nitro keeps
half an hour of blocks (its `caching.block-age`)."""
SHALLOW: Final = 16
"""Blocks so near to the tip are traced by every node that traces at all. One that says otherwise
has not caught up, or is not the node that told the tip."""
PROBES: Final = 3
"""How often a node says that it doesn't know the method before that is believed: behind one URL may
be several nodes."""

_GONE: Final = (
    # geth, bsc, bor: eth/state_accessor.go
    "historical state",
    # geth, erigon: a state that was looked for in the trie
    "missing trie node",
    # reth: ProviderError::StateAtBlockPruned
    "is pruned",
    # nethermind: since HasStateForBlock is asked
    "no state available",
    # besu
    "world state unavailable",
    # EIP-4444's error 4444
    "pruned history unavailable",
)


def is_gone(reason: str, depth: int) -> bool:
    """Whether the node says that it has no state any more for a block `depth` below the tip."""
    words = reason.lower()
    return depth >= SHALLOW and any(gone in words for gone in _GONE)
