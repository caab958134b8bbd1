"""How urgent a transfer is to its client: what goes first of a vault's own work, and never another
vault's. Nobody signs it, and it changes nothing of who is paid."""

from __future__ import annotations

from enum import StrEnum


class Priority(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


def rank_of(priority: str) -> int:
    """Its place in the outbox: 0 goes first."""
    return tuple(Priority).index(Priority(priority))
