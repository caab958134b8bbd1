"""Rows of addresses that were adopted on another network. As `tables`: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row


class AdoptionRow(Row):
    """The address is watched because somebody paid it who meant `given_id`, which has the same key
    on another network. `attestation`: the signer's 64 bytes under its being the vault's."""

    __tablename__ = "adoptions"
    address_id: Mapped[str] = mapped_column(ForeignKey("addresses.id"), primary_key=True)
    given_id: Mapped[str] = mapped_column(ForeignKey("addresses.id"))
    attestation: Mapped[bytes]
    reason: Mapped[str]
    adopted_by: Mapped[str]
    adopted_at: Mapped[datetime]
