"""What a gas station knows of what it brings, and how much that is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

DAY: Final = timedelta(hours=24)


class Bearer(StrEnum):
    CLIENT = "client"
    """Whose vault is topped up: it owes what came and what bringing it cost."""
    HOUSE = "house"
    """Whose vault pays."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Base units. `used`: in the last 24 hours."""

    each: int
    day: int
    used: int


@dataclass(frozen=True, slots=True)
class Sized:
    """What to bring; 0: nothing, because of `code` if there is one."""

    amount: int
    code: str | None = None


ABOVE_EACH: Final = "gas_above_maximum"
DAY_USED: Final = "gas_day_reached"


def size(needs: Sequence[int], has: int, limits: Limits) -> Sized:
    """Exactly what the needs, the oldest first, lack beside what there is: of as many as one top-up
    may bring, and of the first at least. `has`: beside what the address has to keep, so it may be
    below zero."""
    total = 0
    for number, need in enumerate(needs):
        if number and total + need - has > limits.each:
            break
        total += need
    lacks = max(0, total - has) if needs else 0
    if lacks > limits.each:
        return Sized(0, ABOVE_EACH)
    if lacks and limits.used + lacks > limits.day:
        return Sized(0, DAY_USED)
    return Sized(lacks)
