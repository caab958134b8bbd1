"""What the database itself writes about changes, whoever makes them.

Rows that deposits, approvals, freezes, pauses and alarms consist of say all about themselves, and
so do rules and what they begin. So their events follow from them (`TOLD`): no statement changes one
and no feed says so. Transfers and
transactions tell their own, because an event of theirs has a name. Every event and every ledger
entry waits in `unsequenced` for its number, and leaves only when it has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from custody.db.base import Row
from custody.db.coin_rule_tables import CoinMoveRow, CoinRuleRow
from custody.db.gas_tables import GasRuleRow, GasTopUpRow
from custody.db.move_tables import VaultMoveRow, VaultMoveStepRow
from custody.db.pause_tables import PauseRow
from custody.db.quarantine_tables import QuarantineRuleRow
from custody.db.refill_tables import RefillRow, RefillRuleRow
from custody.db.sweep_tables import SweepRow, SweepRuleRow
from custody.db.tables import AlarmRow, DepositRow, VaultFreezeRow
from custody.db.transfer_tables import ApprovalRow
from custody.db.types import SQLITE_NOW

FORGOTTEN: Final = "what has no number is not forgotten"


@dataclass(frozen=True, slots=True)
class Told:
    """The event of a new or changed row, as SQL over NEW. `changes`: the columns that make a
    change an event. `changed_at`: when; NOW stands for the database's clock. `client`: whose it is
    if it concerns no vault."""

    kind: str
    state: str
    created_at: str = "NEW.created_at"
    changed_at: str = "NOW"
    changes: tuple[str, ...] = ()
    detail: str = "NULL"
    vault: str = "NEW.vault_id"
    client: str | None = None


def _begun(kind: str) -> Told:
    """What a rule began: it has its transfer, and its end."""
    return Told(
        kind=kind,
        state="NEW.state",
        detail="COALESCE(NEW.code, NEW.transfer_id)",
        changes=("state", "transfer_id"),
        changed_at="COALESCE(NEW.ended_at, NOW)",
    )


def _rule(kind: str, *, vault: str = "NEW.vault_id", client: str | None = None) -> Told:
    """A rule that asks with an API key. One that takes it away is a row of its own, without one."""
    return Told(
        kind=kind,
        state="CASE WHEN NEW.key_id IS NULL THEN 'ended' ELSE 'open' END",
        detail="NEW.reason",
        created_at="NEW.set_at",
        vault=vault,
        client=client,
    )


TOLD: Final[Mapping[type[Row], Told]] = {
    DepositRow: Told(
        kind="deposit",
        state="NEW.state",
        changes=("state",),
        changed_at="COALESCE(NEW.decided_at, NOW)",
    ),
    ApprovalRow: Told(
        kind="approval",
        state="NEW.verdict",
        detail="NEW.approver",
        vault="(SELECT vault_id FROM transfers WHERE id = NEW.transfer_id)",
    ),
    VaultFreezeRow: Told(
        kind="freeze",
        state="CASE WHEN NEW.ended_at IS NULL THEN 'open' ELSE 'ended' END",
        detail="COALESCE(NEW.ended_reason, NEW.reason)",
        changes=("ended_at",),
        changed_at="NEW.ended_at",
    ),
    AlarmRow: Told(
        kind="alarm",
        state="CASE WHEN NEW.cleared_at IS NULL THEN 'open' ELSE 'cleared' END",
        detail="COALESCE(NEW.cleared_reason, NEW.message)",
        changes=("message", "cleared_at"),
        changed_at="COALESCE(NEW.cleared_at, NEW.updated_at)",
    ),
    PauseRow: Told(
        kind="pause",
        state="CASE WHEN NEW.ended_at IS NULL THEN 'open' ELSE 'ended' END",
        detail="COALESCE(NEW.ended_reason, NEW.reason)",
        changes=("ended_at",),
        changed_at="NEW.ended_at",
    ),
    QuarantineRuleRow: Told(
        kind="quarantine_rule",
        state="CASE WHEN NEW.ended_at IS NULL THEN 'open' ELSE 'ended' END",
        detail="COALESCE(NEW.ended_reason, NEW.reason)",
        changes=("ended_at",),
        changed_at="NEW.ended_at",
        client="NEW.client_id",
    ),
    RefillRuleRow: _rule("refill_rule"),
    RefillRow: _begun("refill"),
    SweepRuleRow: _rule("sweep_rule"),
    SweepRow: _begun("sweep"),
    CoinRuleRow: _rule("coin_rule"),
    CoinMoveRow: _begun("coin_move"),
    GasRuleRow: _rule("gas_rule", vault="NULL", client="NULLIF(NEW.client, '')"),
    GasTopUpRow: _begun("gas_top_up"),
    VaultMoveRow: _rule("vault_move"),
    VaultMoveStepRow: _begun("vault_move_step"),
}
CREATED: Final = "create"
CHANGED: Final = "change"

_QUEUED: Final = (("events", "event_seq", "seq"), ("ledger_entries", "entry_id", "id"))
"""What is numbered: a table, the column of `unsequenced` that names a row of it, and its key."""
_EVENT: Final = ("kind", "subject", "vault_id", "event", "state", "detail", "created_at")
_UNNUMBERED: Final = (
    "NOT EXISTS (SELECT 1 FROM sequenced_events WHERE event_seq = OLD.event_seq)"
    " AND NOT EXISTS (SELECT 1 FROM sequenced_entries WHERE entry_id = OLD.entry_id)"
)


def sqlite() -> tuple[str, ...]:
    """As statements: `<table>_tell_create`, `_tell_change`, `_queue`, and one for the queue."""
    statements = []
    for row, told in TOLD.items():
        name = row.__tablename__
        changed = " OR ".join(f"OLD.{each} IS NOT NEW.{each}" for each in told.changes)
        statements.append(
            f"CREATE TRIGGER {name}_tell_{CREATED} AFTER INSERT ON {name}\n"
            f"BEGIN {_tell(row, told, repr(CREATED), told.created_at)}; END"
        )
        if told.changes:
            changed_at = told.changed_at.replace("NOW", SQLITE_NOW)
            statements.append(
                f"CREATE TRIGGER {name}_tell_{CHANGED} AFTER UPDATE ON {name}\nWHEN {changed}\n"
                f"BEGIN {_tell(row, told, repr(CHANGED), changed_at)}; END"
            )
    for table, column, key in _QUEUED:
        statements.append(
            f"CREATE TRIGGER {table}_queue AFTER INSERT ON {table}\n"
            f"BEGIN {_queue(column, key)}; END"
        )
    statements.append(
        f"CREATE TRIGGER unsequenced_no_forget BEFORE DELETE ON unsequenced\nWHEN {_UNNUMBERED}\n"
        f"BEGIN SELECT RAISE(ABORT, 'unsequenced: {FORGOTTEN}'); END"
    )
    return tuple(statements)


def postgresql() -> tuple[str, ...]:
    """The same; each trigger with the function that it calls."""
    statements = []
    is_new = "CASE TG_OP WHEN 'INSERT' THEN"
    event = f"{is_new} '{CREATED}' ELSE '{CHANGED}' END"
    for row, told in TOLD.items():
        name = row.__tablename__
        changed_at = told.changed_at.replace("NOW", "clock_timestamp()")
        at = f"{is_new} {told.created_at} ELSE {changed_at} END"
        statements.append(_function(f"tell_{name}", _tell(row, told, event, at)))
        statements.append(_after("INSERT", name, f"tell_{CREATED}", f"tell_{name}"))
        if told.changes:
            changed = " OR ".join(
                f"OLD.{each} IS DISTINCT FROM NEW.{each}" for each in told.changes
            )
            statements.append(
                _after("UPDATE", name, f"tell_{CHANGED}", f"tell_{name}", f" WHEN ({changed})")
            )
    for table, column, key in _QUEUED:
        statements.append(_function(f"queue_{table}", _queue(column, key)))
        statements.append(_after("INSERT", table, "queue", f"queue_{table}"))
    statements.append(
        "CREATE FUNCTION refuse_forgetting() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        f"BEGIN IF {_UNNUMBERED}\n"
        f"THEN RAISE EXCEPTION 'unsequenced: {FORGOTTEN}'; END IF; RETURN OLD; END $$"
    )
    statements.append(
        "CREATE TRIGGER unsequenced_no_forget BEFORE DELETE ON unsequenced\n"
        "FOR EACH ROW EXECUTE FUNCTION refuse_forgetting()"
    )
    return tuple(statements)


def _tell(row: type[Row], told: Told, event: str, at: str) -> str:
    more, whose = ("", "") if told.client is None else (", client_id", f", {told.client}")
    values = (
        f"'{told.kind}', {_subject(row)}, {told.vault}, {event},\n"
        f"{told.state}, {told.detail}, {at}{whose}"
    )
    return f"INSERT INTO events ({', '.join(_EVENT)}{more})\nVALUES ({values})"


def _subject(row: type[Row]) -> str:
    """Its key. If that has several parts, they stand in their order with a space between."""
    return " || ' ' || ".join(f"NEW.{column.name}" for column in row.__table__.primary_key)


def _queue(column: str, key: str) -> str:
    return f"INSERT INTO unsequenced ({column}) VALUES (NEW.{key})"  # noqa: S608 - our own words


def _function(name: str, statement: str) -> str:
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        f"BEGIN {statement}; RETURN NULL; END $$"
    )


def _after(when: str, table: str, what: str, function: str, condition: str = "") -> str:
    return (
        f"CREATE TRIGGER {table}_{what} AFTER {when} ON {table}\n"
        f"FOR EACH ROW{condition} EXECUTE FUNCTION {function}()"
    )
