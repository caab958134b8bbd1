"""Rows of refills: when a vault is refilled from another, and each time that it was. As `tables`:
rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import BaseUnits


class RefillRuleRow(Row):
    """Below `low` base units of the asset the vault is brought to `target` from `source_id`; null:
    it is not. Asked for with the API key, in its initiator's name. The one with the greatest
    `number` counts."""

    __tablename__ = "refill_rules"
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    asset: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    network: Mapped[str]
    source_id: Mapped[str | None] = mapped_column(ForeignKey("vaults.id"))
    low: Mapped[int | None] = mapped_column(BaseUnits)
    target: Mapped[int | None] = mapped_column(BaseUnits)
    key_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"))
    reason: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime]


class RefillRow(Row):
    """One time that it was below. Written before the transfer is asked for, whose retry key is its
    vault, asset and number. `destination`: an address of the vault. `open_key` (vault, asset) keeps
    two from being open; null once it has ended. `code`: why nothing came of it."""

    __tablename__ = "refills"
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    asset: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    network: Mapped[str]
    source_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    destination: Mapped[str]
    amount: Mapped[int] = mapped_column(BaseUnits)
    state: Mapped[str]
    open_key: Mapped[str | None] = mapped_column(unique=True)
    transfer_id: Mapped[str | None] = mapped_column(ForeignKey("transfers.id"))
    code: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


Index("ix_refills_transfer_id", RefillRow.transfer_id)
