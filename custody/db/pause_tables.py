"""The rows of pauses. As `tables`: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row


class PauseRow(Row):
    """Nothing new leaves by `network`, from the vault, or from the vault by the network: where one
    is null, by every network or from every vault. `open_key` (both, and the reason) keeps a reason
    from being given twice; null once it has ended."""

    __tablename__ = "pauses"
    id: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str | None]
    vault_id: Mapped[str | None] = mapped_column(ForeignKey("vaults.id"))
    reason: Mapped[str]
    open_key: Mapped[str | None] = mapped_column(unique=True)
    paused_by: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    ended_reason: Mapped[str | None]


Index("ix_pauses_vault_id", PauseRow.vault_id)
