"""What a network asks for its fees at the moment, as its node estimates it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prices:
    """Of one unit of what the network charges for, in the network's own small money: `unit` says
    both, e.g. `wei/gas`. `slow` may wait for long, `normal` is what a transaction of ours
    offers, `fast` is taken before most others. Never falling from one to the next."""

    unit: str
    slow: int
    normal: int
    fast: int


def rising(unit: str, slow: int, normal: int, fast: int) -> Prices:
    """Estimates of different speeds can cross; the faster one is then as high as the slower."""
    normal = max(slow, normal)
    return Prices(unit, slow, normal, max(normal, fast))


def ranked(values: Sequence[int], percent: int) -> int:
    """The value below which so many of a hundred lie. Of at least one."""
    return sorted(values)[(len(values) - 1) * percent // 100]
