"""Rows of vaults that are moved to new keys. As `tables`: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import BaseUnits


class VaultMoveRow(Row):
    """What the vault has, and what still comes to it, goes to its successor, which has other keys.
    Asked for with the API key, null: nothing is asked for any more. The vault's successor is the
    same in all its rows; of the rest the one with the greatest `number` counts."""

    __tablename__ = "vault_moves"
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    successor_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), index=True)
    key_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"))
    reason: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime]


class VaultMoveStepRow(Row):
    """One time that something of an asset was moved. Written before the transfer is asked for,
    whose retry key is vault, asset and number. `amount`: what was available then. `open_key` (vault
    and asset) keeps two from being open; null once it has ended. `code`: why nothing came of
    it."""

    __tablename__ = "vault_move_steps"
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    asset: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    network: Mapped[str]
    destination: Mapped[str]
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    amount: Mapped[int] = mapped_column(BaseUnits)
    state: Mapped[str]
    open_key: Mapped[str | None] = mapped_column(unique=True)
    transfer_id: Mapped[str | None] = mapped_column(ForeignKey("transfers.id"))
    code: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
