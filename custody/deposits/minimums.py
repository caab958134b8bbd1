"""The least that is credited at a time, by asset: less waits until enough has come. Pure.

What came to one address counts together, since as a rule one payer has it. All of it is credited at
once. So what is credited depends on nothing but the rows and the operator's figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from chains.model import AssetId
from custody.db.tables import DepositRow

Minimums = Mapping[AssetId, int]
"""In base units. An asset that is not named has none."""

NONE: Final[Minimums] = MappingProxyType({})


def enough(
    final: Iterable[DepositRow], minimums: Minimums
) -> tuple[list[DepositRow], list[DepositRow]]:
    """Which of the deposits to credit, and which wait. `final`: all of a network that are final and
    not credited."""
    rows = list(final)
    sums: dict[tuple[str, str], int] = {}
    for row in rows:
        place = (row.address_id, row.asset)
        sums[place] = sums.get(place, 0) + row.amount
    credited: list[DepositRow] = []
    waiting: list[DepositRow] = []
    for row in rows:
        least = minimums.get(AssetId(row.asset), 0)
        (credited if sums[row.address_id, row.asset] >= least else waiting).append(row)
    return credited, waiting
