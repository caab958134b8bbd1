"""What calls were found to do, before and after, and which contracts are called no more. As
`tables`: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import Height


class CallOutcomeRow(Row):
    """Of a call with bounds. `checked`: what the last simulation before the signature showed
    (`outcomes.model.Before`), at which block, and what of it was out of bounds. `settled`: the same
    of what happened (`outcomes.model.After`), once that is final."""

    __tablename__ = "call_outcomes"
    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfers.id"), primary_key=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    network: Mapped[str]
    contract: Mapped[str]
    checked: Mapped[str | None]
    checked_words: Mapped[str | None]
    checked_height: Mapped[Height | None]
    checked_hash: Mapped[str | None]
    checked_at: Mapped[datetime | None]
    settled: Mapped[str | None]
    settled_words: Mapped[str | None]
    settled_at: Mapped[datetime | None]


class ContractStopRow(Row):
    """Nothing of the vault's calls the contract: `transfer_id` did more than was agreed on, and no
    argument kept it from that. `open_key` (vault, network, contract) keeps two from standing; null
    once a person has lifted it."""

    __tablename__ = "contract_stops"
    id: Mapped[str] = mapped_column(primary_key=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    network: Mapped[str]
    contract: Mapped[str]
    transfer_id: Mapped[str] = mapped_column(ForeignKey("transfers.id"))
    reason: Mapped[str]
    open_key: Mapped[str | None] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    ended_reason: Mapped[str | None]


Index("ix_contract_stops_vault_id", ContractStopRow.vault_id)
