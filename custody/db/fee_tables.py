"""Rows of the operator's caps on fees: what was set, and what transactions count. Rows only, as in
`tables`. Both only grow."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import BaseUnits


class FeeCapRow(Row):
    """The most that the fees of a vault's transactions on a network may come to in a day, in the
    native asset's base units; None: any. The one with the greatest `number` counts."""

    __tablename__ = "fee_caps"
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    network: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    amount: Mapped[int | None] = mapped_column(BaseUnits)
    reason: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime]


class FeeUseRow(Row):
    """A transaction was built whose bytes can take so much in fees. `built_at`: by the database's
    clock."""

    __tablename__ = "fee_uses"
    transaction_id: Mapped[str] = mapped_column(ForeignKey("transactions.id"), primary_key=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    network: Mapped[str]
    most: Mapped[int] = mapped_column(BaseUnits)
    built_at: Mapped[datetime]


Index("ix_fee_uses_day", FeeUseRow.vault_id, FeeUseRow.network, FeeUseRow.built_at)
