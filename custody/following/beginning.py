"""Where a follower begins on a network of which no block was ever applied.

Usually so far below the tip that a usual node still shows every block completely. But addresses are
given out whether or not a node can be asked, and who got one may pay at once. So the follower never
begins above the first block that is as old as the oldest address.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from chains.adapter import ChainAdapter
from chains.errors import BlockUnreadable
from chains.model import BlockRef
from chains.networks import Network

_CLOCK_ERROR: Final = timedelta(minutes=1)
_CLOCK_ERROR_BLOCKS: Final = 12
"""By how much a block may say an earlier time than ours, whichever is more: on bitcoin two hours,
which is how far its blocks' times may be apart (Bitcoin Core src/chain.h, TIMESTAMP_WINDOW)."""
_EMPTY_RUN_MAX: Final = 32
"""Heights in a row that may have no block: eight of Solana's leaders with four slots each."""


async def first_height(
    adapter: ChainAdapter, network: Network, tip: BlockRef, oldest_address: datetime | None
) -> int:
    """`oldest_address`: when the network's first address was made, None if there is none.

    Raises NodeUnavailable and NodeMisbehaved.
    """
    usual = max(0, tip.height - min(network.follow_depth, _complete_depth(adapter, network)))
    if oldest_address is None:
        return usual
    error = max(_CLOCK_ERROR, _CLOCK_ERROR_BLOCKS * timedelta(milliseconds=network.block_ms))
    return await _first_since(adapter, int((oldest_address - error).timestamp()), usual)


def _complete_depth(adapter: ChainAdapter, network: Network) -> int:
    """How far below the tip a node surely shows everything, while its window moves on."""
    window = adapter.capabilities.read_depth
    return network.follow_depth if window is None else window * 3 // 4


async def _first_since(adapter: ChainAdapter, since: int, highest: int) -> int:
    """The lowest height from which on no block is older than `since` (Unix seconds), but not above
    `highest`. Asks near `highest` first: what is far below, a node may not have any more."""
    older, newer, step = -1, highest + 1, 1
    while newer > 0 and older < 0:
        probe = max(0, newer - step)
        if await _is_older(adapter, probe, since):
            older = probe
        else:
            newer, step = probe, 2 * step
    while newer - older > 1:
        middle = (older + newer) // 2
        if await _is_older(adapter, middle, since):
            older = middle
        else:
            newer = middle
    return min(newer, highest)


async def _is_older(adapter: ChainAdapter, height: int, since: int) -> bool:
    """Whether the newest block that is not above `height` is older than `since`. One that the node
    does not show counts as older."""
    for at in range(height, max(-1, height - _EMPTY_RUN_MAX), -1):
        try:
            return (await adapter.salvage(at)).timestamp < since
        except BlockUnreadable:
            continue
    return True
