"""Pays what people agreed to: one transaction for each transfer that is approved, unless it waits
for others (`collecting`). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from custody.transactions.planners.plan import NotYet, Plan, Waiting, carrying, hindrance
from signer.agreement import Purpose


def plan(waiting: Sequence[Waiting], now: datetime) -> Sequence[Plan | NotYet]:
    """What to build for those for which nothing was built yet, or why not yet."""
    return [
        hindrance(each, now) or carrying(Purpose.PAY, [each])
        for each in waiting
        if each.replaces is None and each.collects_until is None
    ]
