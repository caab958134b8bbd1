"""How much must happen in games for their silence to mean something: of each kind so many a game,
on average."""

from __future__ import annotations

from collections import Counter
from typing import Final

FLOORS: Final = {
    "statements": 500.0,
    "crashes": 1.0,
    "signer deaths": 0.1,
    "reorgs": 0.3,
    "restores": 0.2,
    "clock jumps": 0.1,
    "policies": 0.1,
    "keys": 0.1,
    "signed": 0.5,
    "compared": 5.0,
    "ended final": 0.4,
}


def missing(counts: Counter[str], games: int) -> dict[str, float]:
    """What happened less often than it must, and how often a game."""
    return {
        name: counts[name] / games for name, floor in FLOORS.items() if counts[name] < floor * games
    }
