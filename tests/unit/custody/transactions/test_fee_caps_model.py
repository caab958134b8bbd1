"""What counts against a cap on fees, as a table to read."""

from __future__ import annotations

import pytest

from chains.costs import CostKind
from chains.model import AssetId
from custody.transactions.feecaps.model import Use, fee_of, used
from custody.transactions.state import State

COIN = AssetId("eip155:1/slip44:60")


@pytest.mark.parametrize(
    ("uses", "counted"),
    [
        ([], 0),
        ([Use("a", None, State.BUILT, 7)], 7),
        ([Use("a", None, State.BROADCAST, 7)], 7),
        ([Use("a", None, State.FINAL, 7, 3)], 3),
        ([Use("a", None, State.REVERTED, 7, 5)], 5),
        ([Use("a", None, State.ABANDONED, 7)], 0),
        ([Use("a", None, State.DEAD, 7)], 0),
        ([Use("a", None, State.BROADCAST, 7), Use("b", None, State.FINAL, 9, 2)], 9),
        # Of those that replace each other one is ever in a block.
        ([Use("a", None, State.BROADCAST, 7), Use("b", "a", State.BUILT, 9)], 9),
        ([Use("a", None, State.INCLUDED, 7, 4), Use("b", "a", State.BROADCAST, 9)], 4),
        ([Use("a", None, State.DEAD, 7), Use("b", "a", State.FINAL, 9, 8)], 8),
        ([Use("b", "a", State.BUILT, 9), Use("c", "b", State.BUILT, 11)], 11),  # "a" is older
    ],
)
def test_what_counts(uses: list[Use], counted: int):
    assert used(uses) == counted
    assert used(list(reversed(uses))) == counted


def test_rent_is_no_fee():
    costs = {CostKind.FEE: 3, CostKind.L1_DATA: 4, CostKind.RENT: 9}
    assert fee_of({(COIN, kind): units for kind, units in costs.items()}) == 7
