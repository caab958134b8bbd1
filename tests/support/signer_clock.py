"""The signer's time in tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

NOON: Final = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Clock:
    """Time that stands still until it is moved. `now`: what the wall clock says."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self._passed = 0

    def __call__(self) -> datetime:
        return self.now

    def counter(self) -> int:
        """The seconds that really passed."""
        return self._passed

    def advance(self, seconds: int) -> None:
        """Time passes."""
        self._passed += seconds
        self.step(seconds)

    def step(self, seconds: int) -> None:
        """The wall clock is set, and no time passes."""
        self.now += timedelta(seconds=seconds)
