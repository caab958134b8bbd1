"""What workers do after commit: rows that are written with what made them necessary."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from custody.db.session import WriteSession
from custody.db.tables import OutboxRow


class Work(StrEnum):
    SIGN = "sign"
    """Of a transfer: have a transaction for it built and signed."""
    BROADCAST = "broadcast"
    """Of a transaction: have a node take its bytes."""


async def enqueue(
    session: WriteSession, work: Work, subject: str, network: str, now: datetime
) -> None:
    """Have it done after commit, by whichever worker comes first."""
    await session.insert(OutboxRow, [_fields(work, subject, network, now)])


def work_row(work: Work, subject: str, network: str, now: datetime) -> OutboxRow:
    """The same as a row to add, where many are stored together."""
    return OutboxRow(**_fields(work, subject, network, now))


def _fields(work: Work, subject: str, network: str, now: datetime) -> dict[str, Any]:
    return {
        "kind": work,
        "subject": subject,
        "network": network,
        "claim": None,
        "held_since": None,
        "held_until": None,
        "attempts": 0,
        "last_error": None,
        "created_at": now,
    }
