"""The life of a mandate: what people have said to one version of a transfer's terms. Pure.

    offered -> agreed | rejected | expired | void        agreed -> void

Each version has a life of its own: rejecting the second leaves the first as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

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
