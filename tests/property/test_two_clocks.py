"""Custody and the signer each have a clock of their own, of one model: played side by side.

Neither may import the other, and what they share is too little for a package of its own. So this
holds them together: whatever a wall clock says, both believe the same at every moment.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from custody import clock as ours
from signer import clock as theirs
from tests.support.signer import NOON

HOUR = 3600
STEPS = st.tuples(
    st.sampled_from([0, 1, 60, theirs.GAP - 1, theirs.GAP, theirs.GAP + 1, HOUR]),
    st.sampled_from([0, 29, 30, 31, 60, 61, 90, 91, HOUR, -30, -31, -HOUR, 400 * 24 * HOUR]),
)


def test_both_wait_as_long_and_bear_as_much():
    assert ours.DISAGREEMENT == theirs.DISAGREEMENT
    assert timedelta(seconds=theirs.STEADY) == ours.STEADY
    assert timedelta(seconds=theirs.GAP) == ours.GAP


@settings(max_examples=300, deadline=None)
@example([(theirs.GAP, HOUR)] * 50)
@example([(theirs.GAP + 1, HOUR)] * 50)
@given(st.lists(STEPS, max_size=80))
def test_whatever_the_wall_clock_says_both_believe_the_same(steps):
    """Each step: so many seconds pass, and the wall clock is so far ahead then."""
    count, ahead = 0, 0

    def wall():
        return NOON + timedelta(seconds=count + ahead)

    signer = theirs.TrustedClock(wall, lambda: count, None)
    custody = ours.SteadyClock(wall, lambda: count)
    for passed, ahead in steps:  # noqa: B007 - `wall` reads it
        count += passed
        due = signer.due()
        if due is not None:
            signer.adopt(due)
        custody.look(wall())
        assert signer() == custody()
