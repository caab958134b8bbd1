"""When is a block final, and when may a deposit be credited? Pure; the network's data decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chains.model import BlockRef
from chains.networks import NODE_FINALITY, Network


@dataclass(frozen=True, slots=True)
class Finality:
    """`block`: the newest final height. `credit`: deposits whose `final_height` is not above it may
    be credited. None: nothing is final yet."""

    block: int | None
    credit: int | None


def final_height(network: Network, height: int, mature_height: int | None) -> int:
    """`DepositRow.final_height` of a credit in the block at `height`.

    Where confirmations are counted: the first height of our chain at which the block is final and
    the money may be spent. Where the node says what is final: the height that it must call final.
    """
    mature = height if mature_height is None else mature_height
    if network.confirmations == NODE_FINALITY:
        return max(height, mature)
    return max(height + network.confirmations - 1, mature)


def judge(
    network: Network,
    position: BlockRef | None,
    finalized: BlockRef | None,
    hashes: Mapping[int, str],
) -> Finality:
    """What is final on our chain, which ends at `position`.

    The node's word about `finalized` counts only if our own chain contains that very block
    (`hashes`: our block hashes by height): otherwise node and follower don't stand on one chain.
    """
    if position is None:
        return Finality(None, None)
    if network.confirmations != NODE_FINALITY:
        newest = position.height - network.confirmations + 1
        return Finality(newest if newest >= 0 else None, position.height)
    if finalized is None or hashes.get(finalized.height) != finalized.hash:
        return Finality(None, None)
    return Finality(finalized.height, finalized.height)
