"""What our own blocks say of a transaction, and the one thing that follows from it. Pure.

Custody asks no node whether a transaction is in a block, was replaced or has expired: the follower
noted it from blocks that it read whole, and final is what the follower declared final. So what is
settled here and what is credited there stand on the same blocks, also while nodes disagree. What
was not read proves nothing: then `Facts.doubt` says so, and everything stays held.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chains.codec import TransactionCodec
from chains.costs import CostKind, Costs, costs_in
from chains.model import ConflictKey, Excludes, UnsignedTx
from chains.transaction import AfterBlock, Lifetime, Until
from custody.following.sightings import Consumption, Sighting
from custody.transactions.state import (
    Die,
    Disconnect,
    Event,
    Finalize,
    Include,
    Revert,
    Transaction,
    can,
)

NEVER_SEEN_AFTER = 1_000
"""Heights of our chain after which a block whose hash a node gave us is not still to come."""


@dataclass(frozen=True, slots=True)
class Facts:
    """`final`: the newest final height, None before there is one. `sighting`: where our chain has
    the transaction. `spoilt`: keys without which it can never be included, used up by another.
    `expired`: why no later block can have it, if so. `doubt`: why that it was not seen proves
    nothing, if so: blocks of its life were not read."""

    final: int | None
    sighting: Sighting | None = None
    spoilt: Sequence[Consumption] = ()
    expired: str | None = None
    doubt: str | None = None


def next_event(transaction: Transaction, facts: Facts, costs: Costs, held: Costs) -> Event | None:
    """The one thing that happened next, if anything did; asked again after each event. `costs`,
    `held`: what it took if it is in the block where it was seen."""
    seen = facts.sighting
    if transaction.block is not None and (seen is None or seen.block != transaction.block):
        return Disconnect() if can(transaction, Disconnect) else None
    if seen is not None:
        if transaction.block is None:
            returned = seen.returned if seen.failure is None else {}
            return Include(seen.block, costs, held, seen.failure, returned or None)
        if facts.final is not None and seen.block.height <= facts.final:
            ending = Finalize if seen.failure is None else Revert
            return ending() if can(transaction, ending) else None
        return None
    cause = death_of(facts)
    return Die(str(cause)) if cause is not None and can(transaction, Die) else None


def death_of(facts: Facts) -> Consumption | str | None:
    """Why it can't be included any more: a key that another one used up for good, or words about
    its expiry. None if it still can."""
    for each in facts.spoilt:
        if facts.final is not None and each.height <= facts.final:
            return each
    return facts.expired if facts.doubt is None else None


def needed(keys: Sequence[ConflictKey]) -> list[str]:
    """Those of a transaction's keys without which it can't be in a block. Where only success is
    excluded it can: it fails there and pays. What is used up by its own effect is no loss."""
    spares = (Excludes.SUCCESS, Excludes.EFFECT)
    return [key.text for key in keys if key.excludes not in spares]


@dataclass(frozen=True, slots=True)
class Life:
    """What of our chain a transaction's lifetime is measured against. `final_time`: Unix seconds of
    the newest final block, 0 where unknown. `has_block`: whether we remember the block that
    the transaction stands on. `blocks_since`: how many final blocks that we remember lie above that
    one, or at all. `heights_since`: how far the newest final block is above where we stood when the
    bytes were made, None where that is unknown."""

    final_time: int
    has_block: bool
    blocks_since: int
    heights_since: int | None


def expiry(lifetime: Lifetime | None, life: Life) -> str | None:
    """Why no block above the newest final one can have the transaction; None if one still can."""
    match lifetime:
        case Until(time_ms):
            if life.final_time * 1000 >= time_ms:
                return "it expired before the newest final block, and no block has it"
        case AfterBlock(hash, blocks):
            # Not remembered: forgotten, so older than all that are, or still to come, or on no
            # block of this chain. A node gave it to us when we stood at about that height.
            is_past = life.has_block or (life.heights_since or 0) > NEVER_SEEN_AFTER
            if is_past and life.blocks_since > blocks:
                return f"its blockhash {hash} has expired, and no block since has it"
    return None


def taken_by(
    codec: TransactionCodec, unsigned: UnsignedTx, sighting: Sighting | None
) -> tuple[Costs, Costs]:
    """What a transaction of ours took in the block where it was seen: its costs by kind, and what
    of the payer's money moved to accounts that stay the payer's. What went to its effects is in
    neither."""
    if sighting is None:
        return {}, {}
    summary = codec.summarize(unsigned)
    # Coins are spent whole and all are ours, so the bytes alone say what is left for the fee.
    costs = summary.costs.most if codec.traits.coins else sighting.costs
    if sighting.failure is not None:
        return costs, {}
    # Rent of accounts that others hold is gone, and the block tells it as a cost.
    ours = sum(each.rent for each in summary.creates if each.holder in summary.sources)
    return costs, costs_in(codec.network.native.id, {CostKind.RENT: ours})
