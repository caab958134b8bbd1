"""What transactions mean for a transfer, and who pays how much of their costs."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.costs import CostKind, Costs
from chains.model import AssetId
from custody.transactions.state import State, Transaction
from custody.transfers.settlement import outcome_of, parts, settle, shares
from custody.transfers.state import Event
from signer.agreement import Purpose

FEE = (AssetId("n/slip44:60"), CostKind.FEE)
DATA = (AssetId("n/slip44:60"), CostKind.L1_DATA)
RENT = (AssetId("n/slip44:60"), CostKind.RENT)


def tx(state: State, purpose: Purpose = Purpose.PAY, reason: str | None = None) -> Transaction:
    return Transaction("txn", purpose, state, built=True, reason=reason)


@pytest.mark.parametrize(
    ("transactions", "event"),
    [
        ([], None),
        ([tx(State.CLAIMED)], None),
        ([tx(State.BUILT)], None),
        ([tx(State.SIGNED)], None),
        ([tx(State.INCLUDED)], None),
        ([tx(State.FINAL)], Event.LAND),
        ([tx(State.FINAL, Purpose.CANCEL)], Event.UNDO),
        ([tx(State.REVERTED)], Event.FAIL),
        ([tx(State.REVERTED, Purpose.CANCEL)], Event.FAIL),
        ([tx(State.DEAD)], Event.FAIL),
        ([tx(State.ABANDONED)], Event.RETURN),
        ([tx(State.ABANDONED), tx(State.ABANDONED)], Event.RETURN),
        ([tx(State.ABANDONED), tx(State.DEAD)], Event.FAIL),
        ([tx(State.DEAD), tx(State.SIGNED)], None),
        ([tx(State.ABANDONED), tx(State.BUILT)], None),
        ([tx(State.DEAD), tx(State.FINAL)], Event.LAND),
        ([tx(State.BROADCAST), tx(State.FINAL, Purpose.CANCEL)], Event.UNDO),
        ([tx(State.BROADCAST), tx(State.REVERTED)], Event.FAIL),
    ],
)
def test_what_a_transfers_transactions_say(transactions: list[Transaction], event: Event | None):
    assert settle(transactions) is event
    assert settle(list(reversed(transactions))) is event


def test_as_long_as_one_may_be_included_nothing_is_decided_unless_one_is_final():
    open_states = (State.CLAIMED, State.BUILT, State.SIGNED, State.BROADCAST, State.INCLUDED)
    for first, second in product(open_states, State):
        decided = settle([tx(first), tx(second)])
        assert (decided is None) == (second not in (State.FINAL, State.REVERTED))


def test_people_are_told_why_it_failed():
    assert outcome_of([tx(State.DEAD, reason="spent by t2")]) == (Event.FAIL, "spent by t2")
    assert outcome_of([tx(State.ABANDONED, reason="denied/rule")]) == (Event.RETURN, None)


# Shares


def test_shares_are_rounded_down_then_one_unit_each_in_the_order_of_ids():
    assert shares(10, {"c": 10, "a": 10, "b": 10}) == {"a": 4, "b": 3, "c": 3}
    assert shares(1, {"a": 0, "b": 7, "c": 7}) == {"a": 0, "b": 1, "c": 0}
    assert shares(0, {"a": 0}) == {"a": 0}
    with pytest.raises(AssertionError):
        shares(3, {"a": 1, "b": 1})


def test_what_nothing_bounds_is_shared_beyond_the_bounds_too():
    assert shares(9, {"a": 2, "b": 1}, bounded=False) == {"a": 6, "b": 3}
    assert shares(10, {"b": 3, "a": 3}, bounded=False) == {"a": 5, "b": 5}
    assert shares(11, {"b": 3, "a": 3}, bounded=False) == {"a": 6, "b": 5}
    assert shares(3, {"b": 0, "a": 0}, bounded=False) == {"a": 2, "b": 1}
    assert shares(5, {"a": 2, "b": 0}, bounded=False) == {"a": 5, "b": 0}
    assert parts({DATA: 9, FEE: 1}, {"a": {DATA: 2, FEE: 1}, "b": {}}) == {
        "a": {DATA: 9, FEE: 1},
        "b": {DATA: 0, FEE: 0},
    }


@settings(max_examples=2_000, deadline=None)
@given(
    st.dictionaries(st.text("abcdef0123456789", max_size=6), st.integers(0, 10**30), max_size=64),
    st.data(),
)
@pytest.mark.slow
def test_shares_are_exact_and_below_every_bound(bounds: dict[str, int], data: st.DataObject):
    cost = data.draw(st.integers(0, sum(bounds.values())))
    check(cost, bounds)


def test_many_small_bounds_are_exact_and_below_every_bound():
    """Small numbers, where rounding is most of it."""
    random = Random(10)
    for _ in range(50_000):
        bounds = {str(n): random.choice((0, 1, 2, 3, 5, 7)) for n in range(random.randint(1, 8))}
        check(random.randint(0, sum(bounds.values())), bounds)


def check(cost: int, bounds: dict[str, int]) -> None:
    found = shares(cost, bounds)
    assert found.keys() == bounds.keys()
    assert sum(found.values()) == cost
    assert all(0 <= part <= bounds[each] for each, part in found.items())


def test_each_kind_is_shared_by_its_own_bounds():
    bounds: dict[str, Costs] = {"a": {FEE: 10, RENT: 5}, "b": {FEE: 30}}
    assert parts({FEE: 20, RENT: 4}, bounds) == {
        "a": {FEE: 5, RENT: 4},
        "b": {FEE: 15, RENT: 0},
    }
    with pytest.raises(AssertionError):
        parts({RENT: 6}, bounds)
