"""Which node is asked next: what is remembered of each, and the order that follows. Pure.

A node that failed rests for a while that grows with each failure; one that serves another chain, or
keeps contradicting itself, is taken out until a probe shows that it serves ours. Neither means that
it is never asked: where no better one is left, a bad one is asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from chains.errors import (
    BlockUnreadable,
    NodeError,
    NodeLimited,
    NodeMisbehaved,
    WrongChain,
)
from chains.transport.waiting import backoff_delay

MISBEHAVED_MAX: Final = 3
MISBEHAVED_S: Final = 600
"""So many contradictions in so many seconds are no accident."""
PROBE_S: Final = 30
"""How long a node that was taken out is left alone."""
BEHIND_S: Final = 60
"""A node lags behind if it has not reached what another one had so many seconds ago."""


@dataclass(frozen=True, slots=True)
class Health:
    """`checked`: it was seen to serve our chain since it last failed. `out`: why it was taken out,
    empty if it wasn't. `blind`: it does not show what contracts pay. Clocks are monotonic."""

    checked: bool = False
    failures: int = 0
    misbehaved: int = 0
    misbehaved_clock: float = 0.0
    rests_until_clock: float = 0.0
    out: str = ""
    behind: bool = False
    blind: bool = False

    def rests(self, now_clock: float) -> bool:
        return now_clock < self.rests_until_clock


def after_answer(health: Health) -> Health:
    """It answered, and before that it was seen to serve our chain. Contradictions are not forgotten
    for that: a node may be right about one thing and wrong about another."""
    if health.out:
        return Health(checked=True, behind=health.behind, blind=health.blind)
    return replace(health, checked=True, failures=0, rests_until_clock=0.0)


def after_check(health: Health, *, blind: bool = False) -> Health:
    """It was seen to serve our chain, and has not been asked anything yet."""
    return replace(health, checked=True, blind=blind)


def after_error(health: Health, error: NodeError, now_clock: float, delay_share: float) -> Health:
    """`delay_share`: a random number of 0 to 1."""
    if isinstance(error, BlockUnreadable):
        return health  # says something about one question only
    if isinstance(error, WrongChain):
        rest = now_clock + PROBE_S
        return replace(health, checked=False, rests_until_clock=rest, out=str(error))
    if health.rests(now_clock):
        return health  # one of several questions that were under way when it failed
    failures = health.failures + 1
    wait_s = backoff_delay(failures, delay_share)
    if isinstance(error, NodeLimited):
        wait_s = max(error.delay_s, 0)
    failed = replace(
        health,
        checked=health.checked and isinstance(error, NodeLimited),
        failures=failures,
        rests_until_clock=now_clock + wait_s,
    )
    return _misbehaved(failed, error, now_clock) if isinstance(error, NodeMisbehaved) else failed


def _misbehaved(health: Health, error: NodeMisbehaved, now_clock: float) -> Health:
    lately = now_clock - health.misbehaved_clock < MISBEHAVED_S
    times = health.misbehaved + 1 if lately else 1
    counted = replace(health, misbehaved=times, misbehaved_clock=now_clock)
    if times < MISBEHAVED_MAX:
        return counted
    rest = max(health.rests_until_clock, now_clock + PROBE_S)
    return replace(counted, rests_until_clock=rest, out=str(error))


def unchecked(health: Health) -> Health:
    """It has to be seen again to serve our chain."""
    return replace(health, checked=False)


def standing(health: Health, *, behind: bool) -> Health:
    """Where it stands, compared with the others."""
    return replace(health, behind=behind)


def order(healths: Sequence[Health], current: int, now_clock: float) -> list[int]:
    """The nodes to ask, best first: healthy ones, then those behind, resting, blind, taken out.
    Among equals the `current` one stays, so that questions don't wander; then the configured order.
    A node that rests may be back; a blind one would overlook deposits.

    Those that are taken out and rest are left out while there is any other.
    """

    def rank(index: int) -> tuple[bool, bool, bool, bool, bool, int]:
        each = healths[index]
        resting = each.rests(now_clock)
        return bool(each.out), each.blind, resting, each.behind, index != current, index

    ranked = sorted(range(len(healths)), key=rank)
    usable = [i for i in ranked if not healths[i].out or not healths[i].rests(now_clock)]
    return usable or ranked


@dataclass(frozen=True, slots=True)
class Tips:
    """The greatest heights that any node had, with the time when it was first heard: `(clock,
    height)`, oldest first, as far back as is needed to judge who lags behind."""

    heights_by_clock: tuple[tuple[float, int], ...] = ()

    def heard(self, height: int, now_clock: float) -> Tips:
        """Also remember this."""
        if self.heights_by_clock and height <= self.heights_by_clock[-1][1]:
            return self
        marks = [*self.heights_by_clock, (now_clock, height)]
        while len(marks) > 1 and marks[1][0] <= now_clock - BEHIND_S:
            del marks[0]
        return Tips(tuple(marks))

    def lags(self, height: int, now_clock: float) -> bool:
        """Whether a node at `height` is behind."""
        old = [mark for clock, mark in self.heights_by_clock if clock <= now_clock - BEHIND_S]
        return bool(old) and height < old[-1]
