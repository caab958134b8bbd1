"""How much a refill brings, and when the next one may begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from custody.refills.model import Standing, wanted
from custody.transfers.begun import WAIT_MAX, BegunState, not_before

AT = datetime(2026, 1, 1, tzinfo=UTC)
DONE, FAILED = BegunState.DONE, BegunState.FAILED


@pytest.mark.parametrize(
    ("available", "coming", "amount"),
    [
        (0, 0, 100),
        (9, 0, 91),
        (10, 0, 0),
        (500, 0, 0),
        (5, 60, 35),
        (5, 95, 0),
        (5, 900, 0),
        (-3, 0, 103),
    ],
)
def test_below_the_low_water_it_is_what_lacks_to_the_target(
    available: int, coming: int, amount: int
):
    assert wanted(Standing(available, coming), low=10, target=100) == amount


def test_after_each_failure_the_next_waits_twice_as_long():
    assert not_before([]) is None
    assert not_before([(DONE, AT), (FAILED, AT)]) is None
    waits = []
    for failures in (1, 2, 3, 7, 8, 50):
        due = not_before([(FAILED, AT)] * failures + [(DONE, AT)])
        assert due is not None
        waits.append(due - AT)
    minutes = [timedelta(minutes=each) for each in (1, 2, 4)]
    assert waits == [*minutes, WAIT_MAX, WAIT_MAX, WAIT_MAX]
