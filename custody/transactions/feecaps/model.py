"""What a day's transactions count against a cap on fees. Pure.

One that is in a block counts what it cost; one that may still be included counts the most that its
bytes can take; one that never will be counts nothing. Of transactions that replace each other at
most one is ever in a block, so together they count as much as the dearest of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from chains.costs import INSIDE, CostKind, Costs
from custody.transactions.state import State

WINDOW: Final = timedelta(hours=24)
_NO_FEE: Final = INSIDE | {CostKind.RENT}
_NEVER: Final = (State.ABANDONED, State.DEAD)


@dataclass(frozen=True, slots=True)
class Use:
    """One transaction. `most`: by its bytes; `cost`: what it cost, while it is in a block."""

    transaction: str
    replaces: str | None
    state: State
    most: int
    cost: int | None = None


def fee_of(costs: Costs) -> int:
    """All that is gone beside the effects, in base units of the native asset. Rent is put into
    accounts that mostly stay ours."""
    return sum(units for (_, kind), units in costs.items() if kind not in _NO_FEE)


def used(uses: Sequence[Use]) -> int:
    """Of a cap, by the transactions of one vault, network and day."""
    replaced = {each.transaction: each.replaces for each in uses}
    contests: dict[str, list[Use]] = {}
    for each in uses:
        contests.setdefault(_first(each.transaction, replaced), []).append(each)
    return sum(_counts(contest) for contest in contests.values())


def _first(transaction: str, replaced: Mapping[str, str | None]) -> str:
    """What was built first of those that replace each other, as far as it is known here."""
    while (earlier := replaced.get(transaction)) is not None:
        transaction = earlier
    return transaction


def _counts(contest: Sequence[Use]) -> int:
    paid = [each.cost for each in contest if each.cost is not None]
    if paid:
        return sum(paid)
    return max((each.most for each in contest if each.state not in _NEVER), default=0)
