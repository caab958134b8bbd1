"""When is a block final, and when may a deposit be credited? Pure; the network's data decides."""

from __future__ import annotations

from collections.abc import Mapping

from chains.model import BlockRef
from chains.networks import NODE_FINALITY, Network


def final_height(network: Network, height: int, mature_height: int | None) -> int:
    """`DepositRow.final_height` of a credit in the block at `height`.

    Where confirmations are counted: the first height of our chain at which the block is final and
    the money may be spent. Where the node says what is final: the height that it must call final.
    """
    mature = height if mature_height is None else mature_height
    if network.confirmations == NODE_FINALITY:
        return max(height, mature)
    return max(height + network.confirmations - 1, mature)


def newest_final_height(
    network: Network,
    position: BlockRef | None,
    finalized: BlockRef | None,
    hashes: Mapping[int, str],
) -> int | None:
    """The height up to which our chain, which ends at `position`, is final; None if we can't tell.

    The node's word about `finalized` counts only if our own chain contains that very block
    (`hashes`: our block hashes by height): otherwise node and follower don't stand on one chain.
    """
    if position is None:
        return None
    if network.confirmations != NODE_FINALITY:
        newest = position.height - network.confirmations + 1
        return newest if newest >= 0 else None
    if finalized is None or hashes.get(finalized.height) != finalized.hash:
        return None
    return finalized.height


def credit_height(network: Network, position: BlockRef | None, final: int | None) -> int | None:
    """Deposits whose `final_height` is not above it may be credited. `final`: as above."""
    if position is None or network.confirmations == NODE_FINALITY:
        return final
    return position.height
