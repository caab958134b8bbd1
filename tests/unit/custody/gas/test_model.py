"""How much a gas station brings."""

from __future__ import annotations

import pytest

from custody.gas.model import Limits, Sized, size

WIDE = Limits(each=1_000, day=10_000, used=0)


@pytest.mark.parametrize(
    ("needs", "has", "limits", "wanted"),
    [
        ([100], 0, WIDE, Sized(100)),
        ([100], 99, WIDE, Sized(1)),
        ([100], 100, WIDE, Sized(0)),
        ([100], 500, WIDE, Sized(0)),
        ([100, 50], 30, WIDE, Sized(120)),
        ([], 0, WIDE, Sized(0)),
        ([100, 50, 70], 0, Limits(150, 10_000, 0), Sized(150)),
        ([100, 51], 0, Limits(150, 10_000, 0), Sized(100)),
        ([151], 0, Limits(150, 10_000, 0), Sized(0, "gas_above_maximum")),
        ([151], 1, Limits(150, 10_000, 0), Sized(150)),
        ([100], 0, Limits(150, 1_000, 900), Sized(100)),
        ([100], 0, Limits(150, 1_000, 901), Sized(0, "gas_day_reached")),
    ],
)
def test_exactly_what_lacks_within_the_limits(
    needs: list[int], has: int, limits: Limits, wanted: Sized
):
    assert size(needs, has, limits) == wanted
