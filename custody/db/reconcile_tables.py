"""Rows of reports: what each comparison of ledger and chain found. As `tables`: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import BaseUnits, Height, Serial


class ReconciliationRow(Row):
    """One comparison of a network's vaults, or of the one that is named. `cause`: see
    `reconcile.report`; `asked_by`: who wanted it. It is written before it is made if somebody asked
    for it, and then `open_key` (network and vault) keeps it from being asked for twice. The four
    counts are of balances; `lines` has all of them, or, of what nobody asked for, those that are
    not equal."""

    __tablename__ = "reconciliations"
    id: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str]
    vault_id: Mapped[str | None] = mapped_column(ForeignKey("vaults.id"))
    cause: Mapped[str]
    asked_by: Mapped[str | None]
    open_key: Mapped[str | None] = mapped_column(unique=True)
    equal: Mapped[int | None]
    shortage: Mapped[int | None]
    surplus: Mapped[int | None]
    inconclusive: Mapped[int | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    serial: Mapped[Serial]


Index("ix_reconciliations_network_serial", ReconciliationRow.network, ReconciliationRow.serial)


class ReconciliationLineRow(Row):
    """One vault and asset at one block. `traced_from`: the lowest block in which was looked for
    what does not match; null if nothing was looked for."""

    __tablename__ = "reconciliation_lines"
    report_id: Mapped[str] = mapped_column(ForeignKey("reconciliations.id"), primary_key=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    asset: Mapped[str] = mapped_column(primary_key=True)
    height: Mapped[Height | None]
    block_hash: Mapped[str | None]
    ledger: Mapped[int | None] = mapped_column(BaseUnits)
    chain: Mapped[int | None] = mapped_column(BaseUnits)
    verdict: Mapped[str]
    reason: Mapped[str]
    traced_from: Mapped[Height | None]


class ReconciliationMismatchRow(Row):
    """An entry or a transaction that does not match. `number` counts those of a line from 1.
    `units`: what it moves, below zero if it leaves; null if that is not known."""

    __tablename__ = "reconciliation_mismatches"
    report_id: Mapped[str] = mapped_column(ForeignKey("reconciliations.id"), primary_key=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    asset: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    name: Mapped[str]
    height: Mapped[Height | None]
    units: Mapped[str | None]
    """In decimal: `BaseUnits` has no sign."""
