"""The life of a mandate: what people have said to one version of a transfer's terms. Pure.

    offered -> agreed | rejected | expired | void        agreed -> void

Each version has a life of its own: rejecting the second leaves the first as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from chains.costs import Costs
from custody.errors import IllegalTransition


class Consent(StrEnum):
    OFFERED = "offered"
    AGREED = "agreed"
    """By a standing rule, or by everybody whom the policy asks."""
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOID = "void"
    """Withdrawn, denied by the policy, or resting on a policy that is not in force any more."""


class Word(StrEnum):
    """What can happen to a mandate."""

    AGREE = "agree"
    REJECT = "reject"
    EXPIRE = "expire"
    VOID = "void"


TABLE: Mapping[Consent, Mapping[Word, Consent]] = {
    Consent.OFFERED: {
        Word.AGREE: Consent.AGREED,
        Word.REJECT: Consent.REJECTED,
        Word.EXPIRE: Consent.EXPIRED,
        Word.VOID: Consent.VOID,
    },
    Consent.AGREED: {Word.VOID: Consent.VOID},
    Consent.REJECTED: {},
    Consent.EXPIRED: {},
    Consent.VOID: {},
}


def can(consent: Consent, word: Word) -> bool:
    """Whether the table has a rule for `word` here."""
    return word in TABLE[consent]


def decide(consent: Consent, word: Word) -> Consent:
    """What becomes of a mandate. Raises IllegalTransition where the table has no rule."""
    if not can(consent, word):
        raise IllegalTransition(f"{word} on a mandate that is {consent}")
    return TABLE[consent][word]


Version = tuple[int, Consent, Costs]
"""A version's number, what became of it, and its bounds."""
Held = tuple[int, tuple[str, str], int]
"""The version that something is held for, (asset, kind), and how much beyond the one before."""


def let_go(versions: Sequence[Version], held: Sequence[Held]) -> set[int]:
    """Later versions whose money came back while the transfer went on, oldest version first: those
    that nobody agreed to, and void ones that the terms which count do not build on.

    What counts was made from an earlier version, by raising its bounds or by offering them again,
    and so on down to the first. Each of these has the bounds that the next one began with.
    """
    refused = {n for n, state, _ in versions if n > 1 and state in _REFUSED}
    counting = [each for each in versions if each[0] not in refused]
    agreed = [each for each in counting if each[1] is Consent.AGREED]
    number, _, bounds = (agreed or counting)[-1]
    built_on = {number}
    while number > 1:
        began = _less(bounds, [(key, units) for n, key, units in held if n == number])
        before = [each for each in counting if each[0] < number and _less(each[2], []) == began]
        if not before:
            return refused  # signed elsewhere: nobody here knows what it was made from
        number, _, bounds = before[-1]
        built_on.add(number)
    void = {n for n, state, _ in counting if n > 1 and state is Consent.VOID}
    return refused | (void - built_on)


_REFUSED = (Consent.REJECTED, Consent.EXPIRED)


def _less(bounds: Costs, more: Sequence[tuple[tuple[str, str], int]]) -> dict[tuple[str, str], int]:
    """Bounds without what was held beyond; without kinds of which nothing is left."""
    left: dict[tuple[str, str], int] = {
        (a, kind.value): units for (a, kind), units in bounds.items()
    }
    for key, units in more:
        left[key] = left.get(key, 0) - units
    return {key: units for key, units in left.items() if units}
