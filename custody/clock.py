"""What time it is, for a process that believes no single reading of a clock.

A wall clock can be wrong for one answer of a time server, or for hours. A process can count the
seconds that pass while it runs, and that count is never set. So the time here is what the wall
clock said when the process began, plus the seconds counted since; whatever the wall clock says
later changes nothing by itself.

Other clocks are witnesses: the wall clock as it is now, and the database's. One that is more than
DISAGREEMENT away is noticed (alarm, log). Nobody can know which is right, so what can't be taken
back, ending a transfer because its time is over, is not decided while they disagree, and by the
earliest of them while they agree. Witnesses that all keep the same distance for STEADY are
believed: then time is set to theirs.

What this can't know: if wall clock and database are wrong together when the process begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

DISAGREEMENT: Final = timedelta(seconds=30)
STEADY: Final = timedelta(hours=6)
"""Longer than a time server's mistake should last, shorter than a working day. The signer waits as
long."""
GAP: Final = timedelta(minutes=10)
"""Between two looks; after a longer one nobody knows what the clocks said meanwhile."""

WALL: Final = "this host's wall clock"
DATABASE: Final = "the database's clock"


def utc_now() -> datetime:
    return datetime.now(UTC)


def seconds_since_boot() -> float:
    """Linux counts sleep in CLOCK_BOOTTIME; elsewhere the monotonic clock has to do."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@dataclass(frozen=True, slots=True)
class Look:
    """`now`: our time. `witnesses`: what the others say at that moment."""

    now: datetime
    witnesses: Mapping[str, datetime]

    @property
    def astray(self) -> tuple[str, ...]:
        """The witnesses that disagree with us, in words that stay the same while they do."""
        return tuple(
            f"{name} is {'ahead of' if said > self.now else 'behind'} the time counted here"
            for name, said in self.witnesses.items()
            if abs(said - self.now) > DISAGREEMENT
        )

    @property
    def earliest(self) -> datetime:
        """By which the end of a time is judged."""
        return min([self.now, *self.witnesses.values()])

    @property
    def distance(self) -> timedelta | None:
        """By how much all witnesses are away from us, if they are away and agree on that."""
        away = sorted(said - self.now for said in self.witnesses.values())
        same = bool(away) and away[-1] - away[0] <= DISAGREEMENT
        return away[0] if same and len(self.astray) == len(away) else None


class SteadyClock:
    """One per process; call it for the time."""

    def __init__(
        self,
        wall: Callable[[], datetime] = utc_now,
        seconds: Callable[[], float] = seconds_since_boot,
    ) -> None:
        """`seconds`: since some moment; never set, and never back."""
        self._wall = wall
        self._seconds = seconds
        self._zero = self._count()
        self._base = wall()
        self._stretch: _Stretch | None = None

    def __call__(self) -> datetime:
        return self._base + self._count() - self._zero

    def _count(self) -> timedelta:
        return timedelta(seconds=self._seconds())

    def look(self, database: datetime) -> Look:
        """Compare the clocks. `database`: what the database's clock showed just now."""
        look = Look(self(), {WALL: self._wall(), DATABASE: database})
        distance = self._steady_distance(look)
        if distance is None:
            return look
        self._base += distance
        self._stretch = None
        return Look(self(), look.witnesses)

    def _steady_distance(self, look: Look) -> timedelta | None:
        """By how much we are wrong, if the witnesses have said so for long enough."""
        distance, count, stretch = look.distance, self._count(), self._stretch
        if distance is None:
            self._stretch = None
        elif (
            stretch is None
            or abs(distance - stretch.distance) > DISAGREEMENT
            or count - stretch.seen > GAP
        ):
            self._stretch = _Stretch(distance, count, count)
        else:
            stretch.seen = count
            if count - stretch.since >= STEADY:
                return distance
        return None


@dataclass(slots=True)
class _Stretch:
    """A disagreement: how far, and between which counts it was seen."""

    distance: timedelta
    since: timedelta
    seen: timedelta
