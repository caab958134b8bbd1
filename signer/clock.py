"""What time it is, for a process that believes no single reading of the wall clock.

A wall clock can be wrong: for one answer of a time server, or for hours. A process can count the
seconds that pass while it runs, and that count is never set. So:

- **Time** is what the wall clock said when the process began, but never before the newest record of
  the journal, plus the seconds counted since. Whatever the wall clock says later changes nothing.
- **Disagreement** is a wall clock that is more than DISAGREEMENT away from that. It is noticed
  (status, audit log). Nobody can know which of the two is right, so while it lasts there are two
  readings: ages are measured by the earlier one, so that nothing leaves a window too soon; and what
  the two readings would decide differently is not decided, but asked again later. A wrong clock
  thus delays for as long as it is wrong, and reopens nothing.
- **Adoption.** A wall clock that keeps the same distance for STEADY, seen at least every GAP, is
  believed: time is set to it, by a record in the journal. Ages across that record are corrected so
  that nothing grows older by it (`corrected`).

What this can't know: at the start of a process the wall clock is all there is above the journal. A
clock that is ahead just then ages windows by as much.

Pure but for the two clocks that it is given.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from signer.canonical import format_time
from signer.errors import Refused, unavailable
from signer.policy.verdicts import Evaluation

T = TypeVar("T")

Wall = Callable[[], datetime]
"""UTC now in whole seconds, right or wrong."""
Counter = Callable[[], int]
"""Whole seconds since some moment. Never set, never back, counts while the machine sleeps."""

DISAGREEMENT: Final = timedelta(seconds=30)
STEADY: Final = 6 * 3600
"""Seconds. Longer than a time server's mistake should last, shorter than a working day."""
GAP: Final = 600
"""Seconds between two looks at the wall clock, above which nobody knows what it said meanwhile."""

_NEWS_MAX: Final = 16


def utc_now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def seconds_since_boot() -> int:
    """Linux counts sleep in CLOCK_BOOTTIME; elsewhere the monotonic clock has to do."""
    return int(time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)))


@dataclass(frozen=True, slots=True)
class Moment:
    """`now`: our time, which records carry. `wall`: what the wall clock says."""

    now: datetime
    wall: datetime

    @property
    def agrees(self) -> bool:
        return abs(self.wall - self.now) <= DISAGREEMENT

    @property
    def readings(self) -> tuple[datetime, ...]:
        """What the time may be, the earliest first."""
        return (self.now,) if self.agrees else tuple(sorted((self.now, self.wall)))

    @property
    def earliest(self) -> datetime:
        """By which ages are measured."""
        return self.readings[0]


@dataclass(frozen=True, slots=True)
class Adoption:
    """The wall clock is believed: what was `before` on our clock is `after` from record `sequence`
    on."""

    sequence: int
    before: datetime
    after: datetime


def corrected(at: datetime, sequence: int, adoptions: Sequence[Adoption]) -> datetime:
    """When record `sequence`, which says `at`, was written, on the clock of today; rather too late
    than too early, so that nothing looks older than it is. `adoptions`: oldest first."""
    for adoption in adoptions:
        if sequence >= adoption.sequence:
            continue
        forward = adoption.after - adoption.before
        at = at + forward if forward > timedelta() else min(at, adoption.after)
    return at


def furthest_forward(adoptions: Sequence[Adoption]) -> timedelta:
    """By how much `corrected` may make a record younger."""
    steps = (adoption.after - adoption.before for adoption in adoptions)
    return sum((step for step in steps if step > timedelta()), timedelta())


@dataclass(slots=True)
class _Stretch:
    """A disagreement: the wall clock's distance, and between which seconds it was seen."""

    distance: timedelta
    since: int
    seen: int


class TrustedClock:
    """One per session. Every look at it is a look at the wall clock."""

    def __init__(self, wall: Wall, counter: Counter, newest: datetime | None) -> None:
        """`newest`: the time of the journal's newest record."""
        self._wall = wall
        self._counter = counter
        self._zero = counter()
        start = wall()
        self._base = start if newest is None else max(start, newest)
        self._stretch: _Stretch | None = None
        self._news: list[Moment] = []

    def __call__(self) -> datetime:
        """Our time."""
        return self.moment().now

    def moment(self) -> Moment:
        count = self._counter()
        moment = Moment(self._base + timedelta(seconds=count - self._zero), self._wall())
        self._look(moment, count)
        return moment

    def news(self) -> tuple[Moment, ...]:
        """Where a disagreement has begun or ended since this was last asked."""
        news, self._news = tuple(self._news), []
        return news

    def due(self) -> tuple[datetime, datetime] | None:
        """What our time is and what it should be, if the wall clock is to be believed by now."""
        moment, stretch = self.moment(), self._stretch
        if stretch is None or stretch.seen - stretch.since < STEADY:
            return None
        return moment.now, moment.wall

    def adopt(self, step: tuple[datetime, datetime]) -> None:
        """Time is what the wall clock says. Only when the journal says so."""
        self._base += step[1] - step[0]
        self._stretch = None

    def _look(self, moment: Moment, count: int) -> None:
        distance, stretch = moment.wall - moment.now, self._stretch
        if moment.agrees != (stretch is None) and len(self._news) < _NEWS_MAX:
            self._news.append(moment)
        if moment.agrees:
            self._stretch = None
            return
        same = stretch is not None and abs(distance - stretch.distance) <= DISAGREEMENT
        if stretch is not None and same and count - stretch.seen <= GAP:
            stretch.seen = count
            return
        self._stretch = _Stretch(distance, count, count)


def whatever_the_time(moment: Moment, judge: Callable[[datetime], T]) -> T:
    """What `judge` says of every reading of the time. Raises Refused, also where they differ: who
    asks again when the clocks agree loses nothing."""
    verdicts = [_outcome(judge, now) for now in moment.readings]
    if len({_gist(verdict) for verdict in verdicts}) > 1:
        said = f"it is {format_time(moment.now)}, the wall clock says {format_time(moment.wall)}"
        raise unavailable("clock-disagrees", f"{said}, and the answer depends on it")
    if isinstance(verdicts[0], Refused):
        raise verdicts[0]
    return verdicts[0]


def _outcome(judge: Callable[[datetime], T], now: datetime) -> T | Refused:
    try:
        return judge(now)
    except Refused as refused:
        return refused


def _gist(verdict: object) -> tuple[object, ...]:
    if isinstance(verdict, Refused):
        return verdict.code, verdict.detail
    if isinstance(verdict, Evaluation):
        return verdict.ruling, verdict.detail, verdict.rule
    return (verdict,)
