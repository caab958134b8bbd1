"""What each transfer pays of its transaction's costs: exactly all of it, by size, within bounds."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from chains.costs import CostKind, Costs
from chains.model import AssetId
from chains.shares import most_together, shares, shares_of

FEE, RENT = ((AssetId("a"), kind) for kind in (CostKind.FEE, CostKind.RENT))
SIZES = st.lists(st.integers(1, 10_000), min_size=1, max_size=64)
UNITS = st.integers(0, 10**12)


@given(UNITS, SIZES)
def test_they_are_the_whole_and_each_is_its_exact_part_rounded(
    units: int, sizes: list[int]
) -> None:
    parts = shares(units, sizes)
    assert sum(parts) == units
    for part, size in zip(parts, sizes, strict=True):
        assert abs(part - Fraction(units * size, sum(sizes))) < 1


@given(UNITS, SIZES)
def test_the_rounded_up_have_the_largest_remainders_and_of_equal_ones_the_first(
    units: int, sizes: list[int]
) -> None:
    parts = shares(units, sizes)
    exact = [Fraction(units * size, sum(sizes)) for size in sizes]
    order = sorted(range(len(sizes)), key=lambda at: (int(exact[at]) - exact[at], at))
    up = [at for at, part in enumerate(parts) if part > int(exact[at])]
    assert sorted(order[: len(up)]) == up


@given(UNITS, st.integers(1, 100), st.integers(1, 64))
def test_like_transfers_differ_by_a_unit_the_first_ones_pay_it(
    units: int, size: int, count: int
) -> None:
    parts = shares(units, [size] * count)
    assert list(parts) == sorted(parts, reverse=True)
    assert parts[0] - parts[-1] <= 1


@given(SIZES, st.data())
def test_up_to_the_most_together_no_share_is_above_its_bound(
    sizes: list[int], data: st.DataObject
) -> None:
    units = data.draw(st.lists(UNITS, min_size=len(sizes), max_size=len(sizes)))
    bounds: list[Costs] = [{FEE: each} for each in units]
    most = most_together(bounds, sizes)[FEE]
    for cost in (most, data.draw(st.integers(0, most))):
        assert all(part <= own for part, own in zip(shares(cost, sizes), units, strict=True))
    # Two units more than that for each, and somebody pays too much.
    too_much = shares(most + sum(sizes), sizes)
    assert any(part > own for part, own in zip(too_much, units, strict=True))


def test_each_kind_is_shared_by_itself_and_an_unnamed_bound_is_none() -> None:
    assert shares_of({FEE: 10, RENT: 3}, [1, 1]) == ({FEE: 5, RENT: 2}, {FEE: 5, RENT: 1})
    assert most_together([{FEE: 9, RENT: 1}, {FEE: 3}], [2, 1]) == {FEE: 9, RENT: 0}


def test_one_pays_all() -> None:
    assert shares(7, [3]) == (7,)
