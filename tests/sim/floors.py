"""How much must happen in games for their silence to mean something: of each kind so many a game,
on average."""

from __future__ import annotations

from collections import Counter
from typing import Final

FLOORS: Final = {
    "statements": 500.0,
    "crashes": 1.0,
    "signer deaths": 0.1,
    "reorgs": 0.2,
    "restores": 0.2,
    "clock jumps": 0.1,
    "policies": 0.1,
    "keys": 0.1,
    "signed": 0.5,
    "compared": 5.0,
    "ended final": 0.4,
    "signed with approvals": 0.4,
    "approvals": 0.4,
    "files": 0.08,
    "final by a file": 0.1,
    "held by a person": 0.08,
    "rules that hold": 0.02,
    "refills": 0.3,
}
RARE: Final = {
    "signed together": 0.05,
    "handed in late": 0.02,
    "final with several payees": 0.02,
    "final of everything": 0.01,
    "final of own coins": 0.01,
    "final of children": 0.03,
    "let go": 0.03,
    "pauses": 0.04,
    "refills done": 0.03,
    "final of tokens": 0.1,
    "stopped by an issuer": 0.1,
    "taken by an issuer": 0.02,
    "stolen": 0.02,
    "submitted for others": 0.02,
    "unfrozen": 0.03,
    "tracked while paused": 0.02,
    "reports asked for": 0.1,
}
"""Asked of many games only: of a few, one kind may be missing by chance."""
_MANY: Final = 100


def missing(counts: Counter[str], games: int) -> dict[str, float]:
    """What happened less often than it must, and how often a game."""
    floors = FLOORS | RARE if games >= _MANY else FLOORS
    return {
        name: counts[name] / games for name, floor in floors.items() if counts[name] < floor * games
    }
