"""Whether it is time to sweep, and whether a sweep is worth what it costs. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

TOO_DEAR: Final = "sweep_too_dear"


@dataclass(frozen=True, slots=True)
class Worth:
    """What a sweep may cost at most, in native base units, None: anything. `percent`: of what it
    brings. `price`: native base units for a whole token of `decimals`; None: it is the coin.
    One of the first two at least."""

    cost_max: int | None
    percent: int | None
    price: int | None
    decimals: int

    def most(self, amount: int) -> int:
        """That a sweep of `amount` base units may cost, rounded down."""
        bounds = [] if self.cost_max is None else [self.cost_max]
        if self.percent is not None:
            price, unit = (1, 1) if self.price is None else (self.price, 10**self.decimals)
            bounds.append(amount * price * self.percent // (unit * 100))
        return min(bounds)


def is_due(newest: datetime | None, every_s: int | None, now: datetime) -> bool:
    """Whether a round begins. `newest`: when a sweep by the rule began last."""
    if newest is None or every_s is None:
        return True
    return now >= newest + timedelta(seconds=every_s)
