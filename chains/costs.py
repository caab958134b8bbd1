"""What a transaction costs, by asset and by kind. Never one number.

A kind is what an operator bounds and a ledger books apart. Amounts are base units of the asset. All
kinds but one come on top of the effects; what a token withholds is a part of what is paid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from chains.errors import FeeAboveMaximum, RentAboveMaximum
from chains.model import AssetId


class CostKind(StrEnum):
    FEE = "fee"
    """For being in a block: gas, size, signatures, priority, TRON's bandwidth."""
    L1_DATA = "l1-data"
    """Beside gas, for a rollup's data on L1 and to its operator. No byte bounds it."""
    RENT = "rent"
    """Put into accounts that the transaction makes."""
    ACTIVATION = "activation"
    """TRON: for the first payment of coins to an address."""
    ENERGY = "energy"
    """TRON: for running a contract."""
    WITHHELD = "withheld"
    """What a token's own program keeps of what is paid, in the token: so much less arrives."""


INSIDE: Final = frozenset({CostKind.WITHHELD})
"""Parts of the effects. Nothing leaves beside these, so nothing is held for them, and no limit on
costs is about them: the limits on what is paid are."""
GRANTED: Final = tuple(kind for kind in CostKind if kind not in INSIDE)
"""What rules grant and rows of networks bound."""
OF_COINS: Final = frozenset({CostKind.ACTIVATION})
"""Only payments of native assets have these."""
OF_CALLS: Final = frozenset({CostKind.ENERGY})
"""Only what runs a contract has these: payments of tokens, and calls."""

UNBOUNDED: Final = frozenset({CostKind.L1_DATA, CostKind.WITHHELD})
"""Where a transaction has these, they may come to more than was agreed: its bytes don't say how
much (of what is withheld, on EVM networks and TRON), and the chain takes what it takes."""

Costs = Mapping[tuple[AssetId, CostKind], int]
"""Base units by (asset, kind). A kind that is not named is 0."""


@dataclass(frozen=True, slots=True)
class CostsMost:
    """The most that the bytes can cost. `uncapped`: kinds that no byte bounds; the signer refuses
    them unless the rule that decides names the kind."""

    most: Costs = field(default_factory=dict)
    uncapped: frozenset[CostKind] = frozenset()


def costs_in(asset: AssetId, units: Mapping[CostKind, int]) -> dict[tuple[AssetId, CostKind], int]:
    """All paid in one asset; a kind of which nothing is paid is not named."""
    return {(asset, kind): paid for kind, paid in units.items() if paid}


def costs_of(native: AssetId, paid: AssetId, units: Mapping[CostKind, int]) -> Costs:
    """By kind alone, as people give bounds: what is withheld is of the asset that is paid."""
    return {(paid if kind in INSIDE else native, kind): most for kind, most in units.items()}


def sum_of(each: Iterable[Costs]) -> dict[tuple[AssetId, CostKind], int]:
    """Kind by kind."""
    total: dict[tuple[AssetId, CostKind], int] = {}
    for costs in each:
        for kind, units in costs.items():
            total[kind] = total.get(kind, 0) + units
    return total


def by_asset(costs: Costs) -> dict[AssetId, int]:
    """All kinds that come on top of the effects, for each asset that something is paid in."""
    total: dict[AssetId, int] = {}
    for (asset, kind), units in costs.items():
        if kind not in INSIDE:
            total[asset] = total.get(asset, 0) + units
    return total


def withheld_in(costs: Costs) -> dict[AssetId, int]:
    """What of each asset is paid and does not arrive."""
    return {asset: units for (asset, kind), units in costs.items() if kind in INSIDE}


def above(costs: Costs, bounds: Costs) -> tuple[AssetId, CostKind] | None:
    """The first kind that costs more than its bound, if one does."""
    return next((kind for kind, units in costs.items() if units > bounds.get(kind, 0)), None)


def check_within(costs: Costs, bounds: Costs) -> None:
    """Raise FeeAboveMaximum, of rent RentAboveMaximum, unless each kind stays within its bound."""
    kind = above(costs, bounds)
    if kind is not None:
        refusal = RentAboveMaximum if kind[1] is CostKind.RENT else FeeAboveMaximum
        raise refusal(
            f"up to {costs[kind]} of {kind[0]} for {kind[1]}; {bounds.get(kind, 0)} is allowed"
        )


@dataclass(frozen=True, slots=True)
class Withholding:
    """What a token's program keeps of each payment, as it says itself. `rates`: so many in ten
    thousand, rounded up, and at most so many base units; more than one where another is about to
    be in force, for a payment is in whichever block takes it."""

    rates: tuple[tuple[int, int], ...]

    def most_of(self, units: int) -> int:
        """Of a payment of `units`."""
        kept = (min(most, -(-units * points // 10_000)) for points, most in self.rates)
        return max(kept, default=0)
