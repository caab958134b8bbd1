"""The states of what blocks bring in and take out."""

from __future__ import annotations

from enum import StrEnum


class DepositState(StrEnum):
    PENDING = "pending"
    CREDITED = "credited"
    REVERSED = "reversed"


class DebitState(StrEnum):
    PENDING = "pending"
    BOOKED = "booked"
    REVERSED = "reversed"
