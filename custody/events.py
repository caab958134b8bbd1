"""What transfers and transactions tell of themselves, written with the change itself.

The other kinds are told by the database (`db.feed_triggers`). All of it gets its place in the feeds
after it was committed (`feeds`).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from custody.db.feed_tables import EventRow
from custody.db.transfer_tables import TransactionRow, TransferRow


class Kind(StrEnum):
    """Of what an event's subject is: the table that has its row."""

    TRANSFER = "transfer"
    TRANSACTION = "transaction"
    DEPOSIT = "deposit"
    APPROVAL = "approval"
    FREEZE = "freeze"
    ALARM = "alarm"
    PAUSE = "pause"
    QUARANTINE_RULE = "quarantine_rule"
    REFILL_RULE = "refill_rule"
    REFILL = "refill"
    SWEEP_RULE = "sweep_rule"
    SWEEP = "sweep"
    COIN_RULE = "coin_rule"
    COIN_MOVE = "coin_move"
    GAS_RULE = "gas_rule"
    GAS_TOP_UP = "gas_top_up"
    VAULT_MOVE = "vault_move"
    VAULT_MOVE_STEP = "vault_move_step"


def event_row(
    subject: TransferRow | TransactionRow, event: str, state: str, detail: str | None, now: datetime
) -> EventRow:
    """`event` has happened to `subject` and left it in `state`. `detail`: why, for people."""
    return EventRow(**event_fields(subject, event, state, detail, now))


def event_fields(
    subject: TransferRow | TransactionRow, event: str, state: str, detail: str | None, now: datetime
) -> dict[str, Any]:
    """The same as columns, where no row is needed."""
    kind = Kind.TRANSFER if isinstance(subject, TransferRow) else Kind.TRANSACTION
    return {
        "kind": kind.value,
        "subject": subject.id,
        "vault_id": subject.vault_id,
        "event": event,
        "state": state,
        "detail": detail,
        "created_at": now,
    }
