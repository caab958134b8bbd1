"""What of our balances the issuers of tokens let nobody move. As `tables`: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import BaseUnits


class RestraintRow(Row):
    """That a node said so last, of an address and a token; gone when it says otherwise. `units`: of
    what the address has. `code`: as which error a payment of it would fail."""

    __tablename__ = "restraints"
    network: Mapped[str] = mapped_column(primary_key=True)
    asset: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    units: Mapped[int] = mapped_column(BaseUnits)
    code: Mapped[str]
    seen_at: Mapped[datetime]


Index("ix_restraints_vault", RestraintRow.vault_id)
