"""Whether a vault has too many coins or too few, and what is to be done about it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from custody.transfers.kinds import Kind

SPLIT_MOST: Final = 100
"""That one transaction makes."""
TOO_MANY: Final = "too_many_coins"
TOO_DEAR: Final = "fee_above_maximum"


@dataclass(frozen=True, slots=True)
class Consolidate:
    """From `coins_min` coins on at most `coins_most` of the smallest become one. `rate_max`: while
    the network asks for no more (`chains.prices`)."""

    coins_min: int
    coins_most: int
    rate_max: int


@dataclass(frozen=True, slots=True)
class Keep:
    """At least `coins` coins of at least `size` base units. `rate_max` as above."""

    coins: int
    size: int
    rate_max: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Base units. `every`: each coin that may be spent; `free`: those that no transaction has
    claimed; `available`: what the vault's books have and have not promised."""

    every: Sequence[int]
    free: Sequence[int]
    available: int


@dataclass(frozen=True, slots=True)
class Move:
    """`coins`: how many become one, or how many one becomes. `amount`: what they are worth."""

    kind: Kind
    coins: int
    amount: int
    rate_max: int


def left_alone(keep: Keep | None) -> int:
    """How many of the largest are never consolidated: payments go on meanwhile."""
    return max(1, 0 if keep is None else keep.coins)


def moves(
    consolidate: Consolidate | None,
    keep: Keep | None,
    standing: Standing,
    *,
    most: int,
    blocked: bool,
) -> list[Move]:
    """What is to be done, the more urgent first. `most`: coins that become one, at most; `blocked`:
    a payment waits for fewer coins, so that they are too many whatever their number is."""
    found = []
    if keep is not None and (split := _split(keep, standing)):
        found.append(split)
    if consolidate is not None and (len(standing.free) >= consolidate.coins_min or blocked):
        count = min(most, len(standing.free) - left_alone(keep))
        if merged := _merge(consolidate, standing, count):
            found.append(merged)
    return found


def parts(move: Move, size: int, cost: int) -> int:
    """How many of at least `size` can be made beside what it costs."""
    return min(move.coins, (move.amount - cost) // size)


def most_at_once(most: int, ended: Sequence[tuple[int, str | None]]) -> int:
    """After these consolidations, the newest first, each with its number of coins and its code: one
    that was still too large for a transaction is halved."""
    for coins, code in ended:
        if code == TOO_MANY:
            return max(2, min(most, coins // 2))
    return most


def _split(keep: Keep, standing: Standing) -> Move | None:
    """A claimed coin counts: its change comes back."""
    large = sum(amount >= keep.size for amount in standing.every)
    if large >= keep.coins:
        return None
    worth = min(max(standing.free, default=0), standing.available)
    count = min(keep.coins - large + 1, worth // keep.size, SPLIT_MOST)
    return Move(Kind.SPLITTING, count, worth, keep.rate_max) if count >= 2 else None


def _merge(consolidate: Consolidate, standing: Standing, count: int) -> Move | None:
    """Only of what is promised to nobody: of less the transfer would spend fewer coins, down to a
    single one that becomes itself."""
    smallest = sorted(standing.free)[: max(count, 0)]
    while smallest and sum(smallest) > standing.available:
        smallest.pop()
    if len(smallest) < 2:
        return None
    return Move(Kind.CONSOLIDATION, len(smallest), sum(smallest), consolidate.rate_max)
