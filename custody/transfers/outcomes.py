"""What became of one piece of work on one transfer: done, or to be tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do for this piece of work, whatever came of it."""


@dataclass(frozen=True, slots=True)
class Later:
    """`code`: what it waits for, as the API shows it. `at`: not before, where that is known."""

    code: str
    at: datetime | None = None


Progress = Done | Later
