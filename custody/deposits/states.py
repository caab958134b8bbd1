"""The states of what blocks bring in and take out, and the life of a deposit as one table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from custody.errors import IllegalTransition


class DepositState(StrEnum):
    PENDING = "pending"
    CREDITED = "credited"
    REVERSED = "reversed"


class DebitState(StrEnum):
    PENDING = "pending"
    BOOKED = "booked"
    REVERSED = "reversed"


class Turn(StrEnum):
    """What can happen to a deposit."""

    SETTLE = "settle"
    """Its block is final."""
    UNDO = "undo"
    """Its block is gone before that."""
    RETURN = "return"
    """The very same block is back."""
    REWIND = "rewind"
    """A person rewound our chain below its block."""


TABLE: Mapping[DepositState, Mapping[Turn, DepositState]] = {
    DepositState.PENDING: {
        Turn.SETTLE: DepositState.CREDITED,
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
