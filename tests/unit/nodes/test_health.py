"""Who is asked next, and what a broadcast to several comes to: tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chains.errors import (
    BlockUnreadable,
    BroadcastRejected,
    ChainError,
    NodeError,
    NodeLimited,
    NodeMisbehaved,
    NodeUnavailable,
    WrongChain,
)
from chains.model import Broadcast
from chains.nodes.health import (
    BEHIND_S,
    MISBEHAVED_MAX,
    MISBEHAVED_S,
    PROBE_S,
    Health,
    Tips,
    after_answer,
    after_check,
    after_error,
    order,
)
from chains.nodes.outcome import broadcast_outcome

GOOD = Health(checked=True)
RESTING = Health(failures=1, rests_until_clock=101.0)
BEHIND = Health(checked=True, behind=True)
BLIND = Health(checked=True, blind=True)
OUT = Health(out="another chain", rests_until_clock=130.0)
OUT_DUE = Health(out="another chain", rests_until_clock=99.0)

ORDERS = [
    ([GOOD, GOOD, GOOD], 0, [0, 1, 2]),
    ([GOOD, GOOD, GOOD], 2, [2, 0, 1]),
    ([RESTING, GOOD], 0, [1, 0]),
    ([BEHIND, GOOD], 0, [1, 0]),
    ([BEHIND, RESTING], 1, [0, 1]),
    ([BLIND, GOOD], 0, [1, 0]),
    ([BLIND, RESTING], 0, [1, 0]),
    ([BLIND, OUT], 1, [0]),
    ([OUT, GOOD], 0, [1]),
    ([OUT, RESTING], 0, [1]),
    ([OUT_DUE, RESTING], 0, [1, 0]),
    ([OUT], 0, [0]),
    ([OUT, OUT], 1, [1, 0]),
    ([RESTING], 0, [0]),
]


@pytest.mark.parametrize(("healths", "current", "expected"), ORDERS)
def test_order(healths: list[Health], current: int, expected: list[int]) -> None:
    assert order(healths, current, 100.0) == expected


MISBEHAVING = replace(GOOD, misbehaved=MISBEHAVED_MAX - 1, misbehaved_clock=99.0)
LONG_AGO = replace(MISBEHAVING, misbehaved_clock=100.0 - MISBEHAVED_S)
ERRORS = [
    (GOOD, NodeUnavailable("x"), Health(failures=1, rests_until_clock=101.0)),
    (replace(GOOD, failures=3), NodeUnavailable("x"), Health(failures=4, rests_until_clock=108.0)),
    (GOOD, NodeLimited("x", delay_s=7), Health(True, failures=1, rests_until_clock=107.0)),
    (GOOD, NodeMisbehaved("x"), Health(False, 1, 1, 100.0, 101.0)),
    (LONG_AGO, NodeMisbehaved("x"), Health(False, 1, 1, 100.0, 101.0)),
    (
        MISBEHAVING,
        NodeMisbehaved("says two things"),
        Health(False, 1, MISBEHAVED_MAX, 100.0, 100.0 + PROBE_S, "says two things"),
    ),
    (
        MISBEHAVING,
        NodeUnavailable("x"),
        replace(MISBEHAVING, checked=False, failures=1, rests_until_clock=101.0),
    ),
    (GOOD, WrongChain("another"), Health(rests_until_clock=100.0 + PROBE_S, out="another")),
    (RESTING, NodeUnavailable("x"), RESTING),
    (GOOD, BlockUnreadable("x", height=5), GOOD),
]


@pytest.mark.parametrize(("before", "error", "after"), ERRORS)
def test_after_an_error(before: Health, error: NodeError, after: Health) -> None:
    assert after_error(before, error, 100.0, 1.0) == after


def test_after_an_answer() -> None:
    assert after_answer(RESTING) == GOOD
    assert after_answer(OUT) == GOOD
    assert after_answer(replace(OUT, behind=True)) == BEHIND
    assert after_answer(MISBEHAVING) == MISBEHAVING, "right about one thing, wrong about another"
    assert after_check(RESTING) == replace(RESTING, checked=True)


def test_who_lags_behind_is_told_by_time_and_not_by_blocks() -> None:
    tips = Tips().heard(100, 0.0)
    assert not tips.lags(99, BEHIND_S - 1)
    assert tips.lags(99, BEHIND_S)
    assert not tips.lags(100, 10 * BEHIND_S)
    tips = tips.heard(500, BEHIND_S + 1.0)  # many blocks at once are no lag
    assert not tips.lags(100, BEHIND_S + 2.0)
    assert tips.lags(499, 2 * BEHIND_S + 1.0)
    for height in range(500, 5000):
        tips = tips.heard(height, 1000.0 + height / 10)
    assert len(tips.heights_by_clock) < 700, "what is remembered is bounded"
    assert tips.heard(3, 9999.0) == tips


YES, KNOWN, NO = Broadcast.ACCEPTED, Broadcast.ALREADY_KNOWN, BroadcastRejected("low fee")
AWAY, ODD, OTHER = NodeUnavailable("away"), NodeMisbehaved("odd"), WrongChain("other")
OUTCOMES: list[tuple[list[Broadcast | ChainError], Broadcast | ChainError]] = [
    ([YES], YES),
    ([NO, YES], YES),
    ([AWAY, KNOWN], KNOWN),
    ([KNOWN, YES], YES),
    ([NO, AWAY], AWAY),
    ([AWAY, NO], AWAY),
    ([NO, ODD], ODD),
    ([ODD, AWAY, NO], AWAY),
    ([NO, NO], NO),
    ([OTHER, NO], NO),
    ([OTHER, AWAY], AWAY),
    ([OTHER], OTHER),
]


@pytest.mark.parametrize(("answers", "expected"), OUTCOMES)
def test_broadcast_outcome(
    answers: list[Broadcast | ChainError], expected: Broadcast | ChainError
) -> None:
    outcome = broadcast_outcome(answers)
    assert outcome is expected or type(outcome) is type(expected)
