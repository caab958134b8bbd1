"""What workers do after commit: rows that are written with what made them necessary."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from custody.db.session import WriteSession
from custody.db.tables import OutboxRow


class Work(StrEnum):
    SIGN = "sign"
    """Of a transfer: have a transaction for it built and signed."""
    SPEED_UP = "speed_up"
    """Of a transfer: have its newest transaction replaced by one that pays more for itself."""
    CANCEL = "cancel"
    """Of a transfer: have its newest transaction replaced by one that pays nobody."""
    BROADCAST = "broadcast"
    """Of a transaction: have a node take its bytes."""


class Subject(Protocol):
    """A transfer or a transaction."""

    id: Any
    network: Any
    vault_id: Any


FIRST: Final = 0
NORMAL: Final = 1
"""Ranks: what is first of a vault's work. Only signing has others than `FIRST`."""


async def enqueue(
    session: WriteSession, work: Work, subject: Subject, now: datetime, rank: int | None = None
) -> None:
    """Have it done after commit, by whichever worker comes first. `rank`: its place in what its
    vault has to sign, 0 first."""
    await session.insert(OutboxRow, [_fields(work, subject, now) | _ranked(work, rank)])


def work_row(work: Work, subject: Subject, now: datetime) -> OutboxRow:
    """The same as a row to add, where many are stored together."""
    return OutboxRow(**_fields(work, subject, now), **_ranked(work, None))


def _ranked(work: Work, rank: int | None) -> dict[str, int]:
    usual = NORMAL if work is Work.SIGN else FIRST
    return {"rank": usual if rank is None else rank}


def _fields(work: Work, subject: Subject, now: datetime) -> dict[str, Any]:
    return {
        "kind": work,
        "subject": subject.id,
        "network": subject.network,
        "vault_id": subject.vault_id,
        "claim": None,
        "held_since": None,
        "held_until": None,
        "attempts": 0,
        "last_error": None,
        "created_at": now,
    }
