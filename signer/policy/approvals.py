"""Whose approval counts for what. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from signer.policy.document import Policy
from signer.policy.rules import Grant, Order
from signer.wire import Need


def missing_approvals(
    policy: Policy, grant: Grant, initiator: str, approvals: Sequence[str]
) -> tuple[Need, ...]:
    """What `grant` still needs. Who asked, or operates the machine that did, counts nowhere; nobody
    counts twice, also across groups. In a sequence only the group whose turn it is."""
    if not grant.needs:
        return ()
    asking = policy.behind(initiator)
    persons = [
        name for name in dict.fromkeys(approvals) if name in policy.persons and name not in asking
    ]
    if grant.order is Order.SEQUENCE:
        return _missing_in_sequence(policy, grant, persons)
    return _missing_in_any_order(policy, grant, persons)


def _missing_in_sequence(policy: Policy, grant: Grant, persons: list[str]) -> tuple[Need, ...]:
    waiting = iter(persons)
    for need in grant.needs:
        found = 0
        while found < need.count:
            person = next(waiting, None)
            if person is None:
                return (Need(need.group, need.count - found),)
            found += person in policy.groups[need.group]
    return ()


def _missing_in_any_order(policy: Policy, grant: Grant, persons: list[str]) -> tuple[Need, ...]:
    """The most seats that these persons can fill, each sitting once (augmenting paths)."""
    seats = [need.group for need in grant.needs for _ in range(need.count)]
    sitting: dict[int, str] = {}

    def seat(person: str, tried: set[int]) -> bool:
        for number, group in enumerate(seats):
            if number in tried or person not in policy.groups[group]:
                continue
            tried.add(number)
            if number not in sitting or seat(sitting[number], tried):
                sitting[number] = person
                return True
        return False

    for person in persons:
        seat(person, set())
    empty = Counter(group for number, group in enumerate(seats) if number not in sitting)
    return tuple(Need(group, count) for group, count in empty.items())
