"""Rows of quarantine: the rules that hold deposits, and what is or was held. As `tables`: rows
only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import BaseUnits


class QuarantineRuleRow(Row):
    """Deposits that all of it fits are held before they are credited: those of a client or a vault,
    on a network, in an asset, of `amount_from` base units or more. What is null fits every deposit.
    `by_sender`: only deposits from one of the rule's addresses."""

    __tablename__ = "quarantine_rules"
    id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str | None] = mapped_column(ForeignKey("clients.id"))
    vault_id: Mapped[str | None] = mapped_column(ForeignKey("vaults.id"))
    network: Mapped[str | None]
    asset: Mapped[str | None]
    amount_from: Mapped[int | None] = mapped_column(BaseUnits)
    by_sender: Mapped[bool]
    reason: Mapped[str]
    set_by: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    ended_reason: Mapped[str | None]


class QuarantineSenderRow(Row):
    """An address whose payments the rule holds, as the network writes it."""

    __tablename__ = "quarantine_senders"
    rule_id: Mapped[str] = mapped_column(ForeignKey("quarantine_rules.id"), primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)


class QuarantineRow(Row):
    """What came at a place of a transaction is held, in whichever block the transaction is.
    `deposit_id`: the deposit that was held first. `rule_id`: null if a person held it. `open_key`
    (network, transaction, place) keeps it from being held twice; null once it is released."""

    __tablename__ = "quarantines"
    id: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str]
    txid: Mapped[str]
    place: Mapped[str]
    deposit_id: Mapped[str] = mapped_column(ForeignKey("deposits.id"))
    rule_id: Mapped[str | None] = mapped_column(ForeignKey("quarantine_rules.id"))
    reason: Mapped[str]
    held_by: Mapped[str]
    created_at: Mapped[datetime]
    open_key: Mapped[str | None] = mapped_column(unique=True)
    released_at: Mapped[datetime | None]
    released_by: Mapped[str | None]
    released_reason: Mapped[str | None]


Index("ix_quarantines_txid_network", QuarantineRow.txid, QuarantineRow.network)
