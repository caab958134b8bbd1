"""When a vault is refilled, with how much, and how long to wait after one that failed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

WAIT_FIRST: Final = timedelta(minutes=1)
WAIT_MAX: Final = timedelta(hours=1)


class RefillState(StrEnum):
    OPEN = "open"
    """It is asked for, or is on its way."""
    DONE = "done"
    """Its deposit is credited."""
    FAILED = "failed"
    """Nothing came of it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Base units of one vault and asset. `coming`: deposits that are not credited yet, and what
    transfers under way pay to it."""

    available: int
    coming: int


def wanted(standing: Standing, low: int, target: int) -> int:
    """How much to ask for; 0: there is enough, or enough is coming."""
    if standing.available >= low:
        return 0
    return max(0, target - standing.available - standing.coming)


def not_before(ended: Sequence[tuple[RefillState, datetime]]) -> datetime | None:
    """When the next one may be asked for, after these, the newest first; None: at once. It waits
    twice as long after each that failed, at most an hour."""
    failed = 0
    for state, _ in ended:
        if state is not RefillState.FAILED:
            break
        failed += 1
    if not failed:
        return None
    doublings = min(failed - 1, 10)
    wait: timedelta = min(WAIT_FIRST * 2**doublings, WAIT_MAX)
    return ended[0][1] + wait
