"""What the database itself refuses, whoever asks: changing the past. What it tells of the present
is in `feed_triggers`, how it numbers rows in `serials`.

Some tables only grow (`GROWS`). Of rows that go through a life, what was agreed, paid or signed
stays as it was written (`LIVES`): only the columns named here may change, and some only once.

SQLite's INSERT OR REPLACE deletes rows without asking a trigger, unless the connection says so
(`engines`). So there each table also refuses a new row that would take the place of an old one.
What whoever owns the tables can do, drop the triggers, is for roles to prevent (`roles`).

The statements are part of migrations; a change is a new migration with new statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Table, UniqueConstraint

from custody.db import feed_triggers, serials
from custody.db.adoption_tables import AdoptionRow
from custody.db.coin_rule_tables import CoinMoveRow, CoinRuleRow
from custody.db.fee_tables import FeeCapRow, FeeUseRow
from custody.db.feed_tables import (
    EventRow,
    LedgerHeadRow,
    SequencedEntryRow,
    SequencedEventRow,
)
from custody.db.gas_tables import GasCarrierRow, GasNeedRow, GasRuleRow, GasTopUpRow
from custody.db.log_tables import (
    EvidenceManifestRow,
    LogCheckpointRow,
    LogCosignatureRow,
    LogEntryRow,
)
from custody.db.message_tables import MessageRow
from custody.db.move_tables import VaultMoveRow, VaultMoveStepRow
from custody.db.outcome_tables import CallOutcomeRow, ContractStopRow
from custody.db.pause_tables import PauseRow
from custody.db.payout_tables import PayoutFileRow, PayoutLineRow
from custody.db.proof_tables import ChainProofRow
from custody.db.quarantine_tables import (
    QuarantineRow,
    QuarantineRuleRow,
    QuarantineSenderRow,
)
from custody.db.reconcile_tables import (
    ReconciliationLineRow,
    ReconciliationMismatchRow,
    ReconciliationRow,
)
from custody.db.refill_tables import RefillRow, RefillRuleRow
from custody.db.rpc_tables import RpcAskRow, RpcTokenRow
from custody.db.spend_tables import SpendRow
from custody.db.sweep_tables import SweepRow, SweepRuleRow
from custody.db.tables import (
    AddressRow,
    AlarmRow,
    ApiKeyRow,
    DepositRow,
    ForeignDebitRow,
    LedgerEntryRow,
    PassRow,
    PolicyVersionRow,
    Row,
    SignerCheckpointRow,
    SuspenseDecisionRow,
    VaultFreezeRow,
    VaultRow,
)
from custody.db.transfer_tables import (
    ApprovalRow,
    MandateRow,
    ReservationRow,
    TransactionRow,
    TransactionTransferRow,
    TransferNeedRow,
    TransferOutputRow,
    TransferParentRow,
    TransferRow,
    TransferWarningRow,
)

REFUSED: Final = "the past does not change"
_SERIAL: Final = "serial"
"""Given once, by the database (`serials`)."""

GROWS: Final[tuple[type[Row], ...]] = (
    LedgerEntryRow,
    EventRow,
    SequencedEventRow,
    SequencedEntryRow,
    TransactionTransferRow,
    ApprovalRow,
    PassRow,
    PolicyVersionRow,
    SpendRow,
    SuspenseDecisionRow,
    TransferOutputRow,
    LedgerHeadRow,
    FeeCapRow,
    FeeUseRow,
    TransferWarningRow,
    QuarantineSenderRow,
    RefillRuleRow,
    GasRuleRow,
    TransferParentRow,
    TransferNeedRow,
    ReconciliationLineRow,
    ReconciliationMismatchRow,
    SweepRuleRow,
    AdoptionRow,
    CoinRuleRow,
    VaultMoveRow,
    ChainProofRow,
    MessageRow,
    LogEntryRow,
    LogCheckpointRow,
    LogCosignatureRow,
    EvidenceManifestRow,
)


@dataclass(frozen=True, slots=True)
class Life:
    """What may change in a row, at any time or only from nothing to something."""

    changing: tuple[str, ...] = ()
    once: tuple[str, ...] = ()


LIVES: Final[Mapping[type[Row], Life]] = {
    VaultRow: Life(changing=("name", "frozen_reason")),
    VaultFreezeRow: Life(
        changing=("open_key",), once=("ended_at", "ended_by", "ended_reason", "difference")
    ),
    PauseRow: Life(changing=("open_key",), once=("ended_at", "ended_by", "ended_reason")),
    QuarantineRuleRow: Life(once=("ended_at", "ended_by", "ended_reason")),
    QuarantineRow: Life(
        changing=("open_key",), once=("released_at", "released_by", "released_reason")
    ),
    ReconciliationRow: Life(
        changing=("open_key",), once=("equal", "shortage", "surplus", "inconclusive", "ended_at")
    ),
    RefillRow: Life(changing=("state", "open_key"), once=("transfer_id", "code", "ended_at")),
    GasNeedRow: Life(changing=("state",), once=("ended_at",)),
    GasCarrierRow: Life(changing=("state", "open_key"), once=("transfer_id", "code", "ended_at")),
    GasTopUpRow: Life(changing=("state", "open_key"), once=("transfer_id", "code", "ended_at")),
    SweepRow: Life(changing=("state", "open_key"), once=("transfer_id", "code", "ended_at")),
    CoinMoveRow: Life(changing=("state", "open_key"), once=("transfer_id", "code", "ended_at")),
    VaultMoveStepRow: Life(
        changing=("state", "open_key"), once=("transfer_id", "code", "ended_at")
    ),
    AddressRow: Life(changing=("label",)),
    DepositRow: Life(
        changing=(
            "state",
            "final_height",
            "reservation_id",
            "decided_at",
            "updated_at",
            "transfer_id",
        )
    ),
    ForeignDebitRow: Life(
        changing=(
            "verdict",
            "explained_by",
            "state",
            "final_height",
            "owed",
            "reservation_id",
            "owed_reservation_id",
            "decided_at",
        )
    ),
    TransferRow: Life(
        # A later version of its terms may let it cost more.
        changing=("state", "version", "waiting", "reason", "costs_max", "updated_at"),
        once=("payout_file",),  # the signer's journal, which may bring it back, knows no files
    ),
    PayoutFileRow: Life(changing=("state",), once=("done_at",)),
    PayoutLineRow: Life(changing=("state",), once=("transfer_id", "code", "field", "detail")),
    MandateRow: Life(changing=("state", "decided_at")),
    # What ended is held anew for a rewound chain, and for what the signer remembers better.
    ReservationRow: Life(changing=("entry_id", "spent")),
    TransactionRow: Life(
        changing=(
            "state",
            "version",
            "made_height",
            "block_height",
            "block_hash",
            "costs",
            "held",
            "returned",
            "refusal",  # a receipt that comes late takes it back
            "reason",
            "updated_at",
        ),
        once=(
            "payload",
            "sender",
            "raw",
            "txid",
            "receipt",
            "receipt_sequence",
            "receipt_head",
            "receipt",
            "signed_at",
            "broadcast_at",
        ),
    ),
    SignerCheckpointRow: Life(changing=("note", "updated_at"), once=("contradiction",)),
    AlarmRow: Life(
        changing=("message", "updated_at", "open_key"),
        once=("cleared_at", "cleared_by", "cleared_reason"),
    ),
    ApiKeyRow: Life(changing=("name",), once=("revoked_at",)),
    RpcTokenRow: Life(once=("revoked_at",)),
    RpcAskRow: Life(once=("told_at", "told_as")),
    CallOutcomeRow: Life(
        # Looked at anew before each signature.
        changing=("checked", "checked_words", "checked_height", "checked_hash", "checked_at"),
        once=("settled", "settled_words", "settled_at"),
    ),
    ContractStopRow: Life(changing=("open_key",), once=("ended_at", "ended_by", "ended_reason")),
}


def protected() -> Iterator[Table]:
    """Every table whose rows are never deleted."""
    for row in (*GROWS, *LIVES):
        assert isinstance(row.__table__, Table)
        yield row.__table__


def sqlite() -> tuple[str, ...]:
    """As statements, a name for each trigger: `<table>_no_update`, `_no_delete`, `_no_replace`."""
    statements = []
    for row, table in zip((*GROWS, *LIVES), protected(), strict=True):
        changed = _changed(row, table, "IS NOT")
        taken = f"EXISTS (SELECT 1 FROM {table} WHERE {_taken(table)})"  # noqa: S608 - our names
        moved = f"\nWHEN OLD.rowid IS NOT NEW.rowid\n   OR {changed}{_takes(row, table)}"
        for what, event, when in (
            ("update", "UPDATE", changed and moved),
            ("delete", "DELETE", ""),
            ("replace", "INSERT", f"\nWHEN {taken}"),
        ):
            statements.append(
                f"CREATE TRIGGER {table}_no_{what} BEFORE {event} ON {table}{when}\n"
                f"BEGIN SELECT RAISE(ABORT, '{table}: {REFUSED}'); END"
            )
    return (*statements, *feed_triggers.sqlite(), *serials.sqlite())


def postgresql() -> tuple[str, ...]:
    """As statements: `<table>_no_update`, `_no_delete`, `_no_truncate`."""
    statements = [
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$\n"
        f"BEGIN RAISE EXCEPTION '%: {REFUSED}', TG_TABLE_NAME; END $$"
    ]
    for row, table in zip((*GROWS, *LIVES), protected(), strict=True):
        changed = _changed(row, table, "IS DISTINCT FROM")
        for what, each, when in (
            ("update", "ROW", changed and f"\nWHEN ({changed})"),
            ("delete", "ROW", ""),
            ("truncate", "STATEMENT", ""),
        ):
            statements.append(
                f"CREATE TRIGGER {table}_no_{what} BEFORE {what.upper()} ON {table}\n"
                f"FOR EACH {each}{when} EXECUTE FUNCTION refuse_change()"
            )
    return (*statements, *feed_triggers.postgresql(), *serials.postgresql())


def _changed(row: type[Row], table: Table, differs: str) -> str:
    """Whether an update changes what it may not; empty if it may change nothing."""
    life = LIVES.get(row)
    if life is None:
        return ""
    names = [column.name for column in table.columns]
    unknown = {*life.changing, *life.once} - set(names)
    assert not unknown, f"{table} has no {unknown}"
    once = [*life.once, *(name for name in names if name == _SERIAL)]
    fixed = [name for name in names if name not in (*life.changing, *once)]
    parts = [f"OLD.{name} {differs} NEW.{name}" for name in fixed]
    parts += [f"OLD.{name} IS NOT NULL AND OLD.{name} {differs} NEW.{name}" for name in once]
    return "\n   OR ".join(parts)


def _taken(table: Table) -> str:
    """Whether an existing row has a key of the new one. An integer primary key that the new row
    does not give, and SQLite's own `rowid`, are no row's yet."""
    return "\n   OR ".join(["rowid = NEW.rowid", *(_same(key) for key in keys_of(table))])


def _takes(row: type[Row], table: Table) -> str:
    """Whether an update gives a row the key of another, which REPLACE would delete."""
    changing = {*LIVES[row].changing, *LIVES[row].once} if row in LIVES else set()
    return "".join(
        f"\n   OR EXISTS (SELECT 1 FROM {table} WHERE {_same(key)} AND rowid IS NOT OLD.rowid)"  # noqa: S608
        for key in keys_of(table)
        if changing.intersection(key)
    )


def _same(key: Sequence[str]) -> str:
    return " AND ".join(f"{name} = NEW.{name}" for name in key)


def keys_of(table: Table) -> Sequence[Sequence[str]]:
    """The columns of each key that no two rows share, in a stable order."""
    keys: list[Any] = [table.primary_key]
    keys += [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    keys += [each for each in table.indexes if each.unique]
    return sorted([column.name for column in key.columns] for key in keys)
