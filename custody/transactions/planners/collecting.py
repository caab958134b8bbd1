"""Pays several transfers of a vault, each approved by itself, with one transaction. Pure.

Where an operator has set a window, a transfer waits for others that long after it was agreed to.
When the first one's time has come, all that wait go: what keeps one from leaving keeps no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from custody.transactions.outcomes import Later
from custody.transactions.planners.plan import NotYet, Plan, Waiting, carrying, hindrance
from signer.agreement import CONSENTS_MAX, Purpose

SIZE_MAX: Final = 25_000
"""What the outputs of several transfers may add: a quarter of the largest transaction that nodes
relay (100,000 vB), so that coins have room. One alone may add more."""


def plan(waiting: Sequence[Waiting], now: datetime) -> Sequence[Plan | NotYet]:
    """What to build for those that wait for others, or why not yet."""
    steps: list[Plan | NotYet] = []
    groups: dict[tuple[str, str, str], list[tuple[datetime, Waiting]]] = {}
    for each in waiting:
        if each.collects_until is None or each.replaces is not None:
            continue
        if (kept := hindrance(each, now)) is not None:
            steps.append(kept)
        else:
            group = groups.setdefault((each.network, each.vault, each.source_path), [])
            group.append((each.collects_until, each))
    for members in groups.values():
        closes = min(until for until, _ in members)
        if closes > now:
            steps += [NotYet(each.transfer, Later("collecting", closes)) for _, each in members]
        else:
            steps += [carrying(Purpose.PAY, each) for each in _sets([each for _, each in members])]
    return steps


def _sets(members: Sequence[Waiting]) -> Iterator[list[Waiting]]:
    """In the order of their ids, as many at a time as the signer takes in one request."""
    together: list[Waiting] = []
    for each in sorted(members, key=lambda each: each.transfer):
        size = sum(one.size for one in together) + each.size
        if together and (len(together) == CONSENTS_MAX or size > SIZE_MAX):
            yield together
            together = []
        together.append(each)
    yield together
