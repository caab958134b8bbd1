"""When is a block final, and when may a deposit be credited? Pure; the network's data decides.

Two things can prove a block final: the node's own word about a block that is on our chain too, and
enough blocks of our chain on top of it. A network has one of them or both. With both, the further
one counts at every moment: there is no mode to switch, so a node that stops giving its word, or
gives one that stands still, only makes us wait for the blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from chains.model import BlockRef
from chains.networks import Network


class ProvenBy(StrEnum):
    """Which of the two proofs made the newest final block final."""

    NODE = "node"
    CONFIRMATIONS = "confirmations"


@dataclass(frozen=True, slots=True)
class Final:
    """Every block of our chain up to `height` is final."""

    height: int
    by: ProvenBy


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Nothing above `block` is final, whatever proves it: so far the witnesses agree. None: to no
    block yet."""

    block: BlockRef | None


def final_height(network: Network, height: int, mature_height: int | None) -> int:
    """`DepositRow.final_height` of a credit in the block at `height`.

    Where only confirmations are counted: the first height of our chain at which the block is final
    and the money may be spent. Elsewhere: the height that must be final.
    """
    mature = height if mature_height is None else mature_height
    if network.finality.node:
        return max(height, mature)
    assert network.finality.confirmations is not None
    return max(height + network.finality.confirmations - 1, mature)


def newest_final(
    network: Network,
    position: BlockRef | None,
    finalized: BlockRef | None,
    hashes: Mapping[int, str],
    ceiling: Ceiling | None = None,
) -> Final | None:
    """Up to where our chain, which ends at `position`, is final; None if we can't tell.

    The node's word about `finalized` counts only if our own chain contains that very block
    (`hashes`: our block hashes by height): otherwise node and follower don't stand on one chain.
    The same holds for the witnesses' word. Without witnesses `ceiling` is None.
    """
    if position is None:
        return None
    proven = [_by_node(network, finalized, hashes), _by_confirmations(network, position)]
    newest = max((each for each in proven if each), key=lambda each: each.height, default=None)
    return newest if newest is None or ceiling is None else _below(newest, ceiling, hashes)


def credit_height(network: Network, position: BlockRef | None, final: int | None) -> int | None:
    """Deposits whose `final_height` is not above it may be credited. `final`: as above."""
    if position is None or final is None or network.finality.node:
        return final
    # What confirmations alone make final: it may lag behind the position, for want of witnesses.
    assert network.finality.confirmations is not None
    return min(position.height, final + network.finality.confirmations - 1)


def _by_node(
    network: Network, finalized: BlockRef | None, hashes: Mapping[int, str]
) -> Final | None:
    if not network.finality.node or finalized is None:
        return None
    if hashes.get(finalized.height) != finalized.hash:
        return None
    return Final(finalized.height, ProvenBy.NODE)


def _by_confirmations(network: Network, position: BlockRef) -> Final | None:
    if network.finality.confirmations is None:
        return None
    newest = position.height - network.finality.confirmations + 1
    return Final(newest, ProvenBy.CONFIRMATIONS) if newest >= 0 else None


def _below(newest: Final, ceiling: Ceiling, hashes: Mapping[int, str]) -> Final | None:
    block = ceiling.block
    if block is None or hashes.get(block.height) != block.hash:
        return None
    return newest if newest.height <= block.height else Final(block.height, newest.by)
