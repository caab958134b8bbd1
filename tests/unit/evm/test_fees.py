"""What a transfer offers for gas, at every edge of its limit and its balance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.errors import BuildError, FeeAboveMaximum, InsufficientFunds
from chains.evm import fees

LEVEL = fees.FeeLevel(needed=10, wanted=20, priority=2)


@pytest.mark.parametrize(
    ("amount", "fee_max", "balance", "expected"),
    [
        (5, 2000, 10_000, 20),  # room for all that is wanted
        (5, 1999, 10_000, 19),  # the limit lowers the offer
        (5, 1000, 10_000, 10),  # to just what is needed
        (5, 999, 10_000, FeeAboveMaximum),
        (9000, 5000, 10_000, 10),  # the balance lowers the offer
        (9001, 5000, 10_000, InsufficientFunds),
        (10_001, 5000, 10_000, InsufficientFunds),
        (9001, 1, 10_000, InsufficientFunds),  # the balance is told first
    ],
)
def test_choose_fee(amount: int, fee_max: int, balance: int, expected: object) -> None:
    def choose() -> int:
        return fees.choose_fee(LEVEL, gas=100, amount=amount, fee_max=fee_max, balance=balance)

    if isinstance(expected, type) and issubclass(expected, BuildError):
        with pytest.raises(expected):
            choose()
    else:
        assert choose() == expected


values = st.integers(min_value=0, max_value=2**90)


@given(values, st.integers(min_value=21_000, max_value=10**7), values, values, values)
def test_an_offer_never_exceeds_limit_or_balance(
    base_fee: int, gas: int, amount: int, fee_max: int, balance: int
) -> None:
    level = fees.eip1559_level(base_fee, 7)
    try:
        offer = fees.choose_fee(level, gas=gas, amount=amount, fee_max=fee_max, balance=balance)
    except BuildError:
        needed = gas * level.needed
        assert needed > fee_max or amount + needed > balance
        return
    assert level.needed <= offer <= level.wanted
    assert gas * offer <= fee_max
    assert gas * offer + amount <= balance
    assert offer >= level.priority


@pytest.mark.parametrize(("base_fee", "needed", "wanted"), [(0, 3, 3), (8, 12, 19), (9, 14, 21)])
def test_eip1559_level(base_fee: int, needed: int, wanted: int) -> None:
    assert fees.eip1559_level(base_fee, 3) == fees.FeeLevel(needed, wanted, 3)


@given(values)
def test_what_is_needed_survives_a_full_block(base_fee: int) -> None:
    """EIP-1559: the next base fee is at most base + max(base // 8, 1)."""
    level = fees.eip1559_level(base_fee, 1)
    assert level.needed >= base_fee + max(base_fee // 8, 1)
    assert level.wanted >= level.needed or base_fee < 2


def test_legacy_level() -> None:
    assert fees.legacy_level(10**9) == fees.FeeLevel(10**9, 11 * 10**8, 0)
    assert fees.legacy_level(1) == fees.FeeLevel(1, 2, 0)


@pytest.mark.parametrize(
    ("rewards", "expected"), [([], None), ([0], 1), ([5, 1, 100], 5), ([1, 2, 3, 4], 2)]
)
def test_usual_priority(rewards: list[int], expected: int | None) -> None:
    assert fees.usual_priority(rewards) == expected


@given(values, values, st.integers(1, 1000))
def test_a_replacement_exceeds_both_figures_of_what_it_replaces(
    offered: int, priority: int, percent: int
) -> None:
    """geth (core/txpool/legacypool, `Add`): both above the old ones, and by so many per cent."""
    level = fees.outbidding(fees.FeeLevel(1, 2, 0), offered, priority, percent)
    for old, new in ((offered, level.needed), (priority, level.priority)):
        assert new > old
        assert new >= old * (100 + percent) // 100
    assert level.wanted >= level.needed


def test_a_replacement_pays_what_the_network_asks_if_that_is_more() -> None:
    level = fees.FeeLevel(needed=100, wanted=200, priority=5)
    assert fees.outbidding(level, 10, 1, 10) == level
    assert fees.outbidding(level, 150, 0, 10) == fees.FeeLevel(165, 200, 5)
