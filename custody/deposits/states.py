"""The states of what blocks bring in and take out, and the life of a deposit as one table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from custody.errors import IllegalTransition


class DepositState(StrEnum):
    PENDING = "pending"
    BELOW_MINIMUM = "below_minimum"
    """Final, but with what else waits at its address less than the operator credits at a time."""
    QUARANTINED = "quarantined"
    """Held by a rule or a person, final or not: credited only after it was released."""
    CREDITED = "credited"
    REVERSED = "reversed"


CREDITABLE = frozenset({DepositState.PENDING.value, DepositState.BELOW_MINIMUM.value})
"""Nobody has to say anything more before it is credited."""
HELD = CREDITABLE | {DepositState.QUARANTINED.value}
"""It came, and the ledger holds it: it is in the books, and nobody can spend it."""


class DebitState(StrEnum):
    PENDING = "pending"
    BOOKED = "booked"
    REVERSED = "reversed"


class Turn(StrEnum):
    """What can happen to a deposit."""

    SETTLE = "settle"
    """Its block is final, and it is not too little."""
    WAIT = "wait"
    """Its block is final, and it is too little."""
    HOLD = "hold"
    """A rule or a person wants it looked at first."""
    RELEASE = "release"
    """A person has looked at it."""
    UNDO = "undo"
    """Its block is gone before it was credited."""
    RETURN = "return"
    """The very same block is back."""
    REWIND = "rewind"
    """A person rewound our chain below its block."""


TABLE: Mapping[DepositState, Mapping[Turn, DepositState]] = {
    DepositState.PENDING: {
        Turn.SETTLE: DepositState.CREDITED,
        Turn.WAIT: DepositState.BELOW_MINIMUM,
        Turn.HOLD: DepositState.QUARANTINED,
        Turn.UNDO: DepositState.REVERSED,
        Turn.REWIND: DepositState.REVERSED,
    },
    DepositState.BELOW_MINIMUM: {
        Turn.SETTLE: DepositState.CREDITED,
        Turn.HOLD: DepositState.QUARANTINED,
        Turn.UNDO: DepositState.REVERSED,
        Turn.REWIND: DepositState.REVERSED,
    },
    DepositState.QUARANTINED: {
        Turn.RELEASE: DepositState.PENDING,
        Turn.UNDO: DepositState.REVERSED,
        Turn.REWIND: DepositState.REVERSED,
    },
    DepositState.CREDITED: {Turn.REWIND: DepositState.REVERSED},
    DepositState.REVERSED: {Turn.RETURN: DepositState.PENDING},
}


def can(state: str, turn: Turn) -> bool:
    """Whether the table has a rule for `turn` here."""
    return turn in TABLE[DepositState(state)]


def after(state: str, turn: Turn) -> DepositState:
    """What becomes of a deposit. Raises IllegalTransition where the table has no rule."""
    if not can(state, turn):
        raise IllegalTransition(f"{turn} on a deposit that is {state}")
    return TABLE[DepositState(state)][turn]
