"""When a vault is refilled, and with how much. Pure."""

from __future__ import annotations

from dataclasses import dataclass


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
