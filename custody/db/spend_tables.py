"""What leaves vaults, as running sums: the table of `policies.running`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.tables import Row
from custody.db.types import SumOfUnits


class SpendRow(Row):
    """One change of what a transfer takes of an account (a vault, an asset, and one payee or
    anybody; its id follows from these), and the account's sums with it: see `policies.running`.
    Only grows. `ahead`: on its way; `taken`: signed; without `all_`: by this transfer."""

    __tablename__ = "spends"
    account: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfers.id"), index=True)
    ahead_amount: Mapped[int] = mapped_column(SumOfUnits)
    ahead_count: Mapped[int]
    taken_amount: Mapped[int] = mapped_column(SumOfUnits)
    taken_count: Mapped[int]
    taken_at: Mapped[datetime | None]
    replaces: Mapped[int | None]
    all_ahead_amount: Mapped[int] = mapped_column(SumOfUnits)
    all_ahead_count: Mapped[int]
    all_taken_amount: Mapped[int] = mapped_column(SumOfUnits)
    all_taken_count: Mapped[int]
    newest_at: Mapped[datetime | None]
    replacements: Mapped[int]


Index("ix_spends_edge", SpendRow.account, SpendRow.newest_at, SpendRow.place)
