"""Pays more for a transaction that waits, or calls it off: another one takes its place. Pure.

Of the two at most one is ever in a block, because they share a key that binds. A replacement that
pays does what was agreed to, once more; a cancel does nothing, so nothing keeps it waiting: no
frozen vault, no expiry and no rule (DESIGN 10.10). It carries all that the one before it carries:
whom it left out would never be paid, since the one before can't come in beside it. So what keeps
one of them waiting keeps all.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from custody.transactions.planners.plan import (
    NotYet,
    Plan,
    Replaced,
    Waiting,
    carrying,
    hindrance,
)
from signer.agreement import Purpose


def plan(waiting: Sequence[Waiting], now: datetime) -> Sequence[Plan | NotYet]:
    """What to build for those that are under way, or why not yet."""
    together: dict[str, tuple[Replaced, list[Waiting]]] = {}
    for each in waiting:
        if each.replaces is not None:
            found = together.setdefault(each.replaces.transaction, (each.replaces, []))
            found[1].append(each)
    steps: list[Plan | NotYet] = []
    for replaced, members in together.values():
        kept = [hindrance(each, now) for each in members]
        first = next((each.later for each in kept if each is not None), None)
        if first is None or replaced.purpose is Purpose.CANCEL:
            steps.append(carrying(replaced.purpose, members, replaced))
        else:
            steps += [NotYet(each.transfer, first) for each in members]
    return steps
