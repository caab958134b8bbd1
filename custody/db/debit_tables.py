"""The rows of what left, or came, without anybody's wish: foreign debits, and what people decided
about money in suspense. As `tables`: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import BaseUnits, Height, Serial


class ForeignDebitRow(Row):
    """pending -> booked | reversed; booked -> reversed when a person rewinds the chain, or when its
    transaction turns out to be ours. The same money in another block is a new row, and only the
    very same block coming back makes its reversed rows pending again.

    `account`: which account of the vault it is taken from; of `amount`, `owed` is more than that
    had, and is taken from `shortfall`. `verdict`: foreign, allowed, excess, called or unlocked.
    `explained_by`: the allowance, or the transaction of ours.
    """

    __tablename__ = "foreign_debits"
    __table_args__ = (UniqueConstraint("network", "block_hash", "txid", "place"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    network: Mapped[str]
    asset: Mapped[str]
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id"), index=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), index=True)
    address: Mapped[str]
    txid: Mapped[str]
    place: Mapped[str]
    """Where in the transaction: `chains.block.Movement.place`, or `coin:` and the coin's name.
    Where two parts of one movement are written down, each has `/` and its verdict at the end."""
    amount: Mapped[int] = mapped_column(BaseUnits)
    account: Mapped[str]
    verdict: Mapped[str]
    explained_by: Mapped[str | None]
    state: Mapped[str]
    block_height: Mapped[Height]
    block_hash: Mapped[str]
    final_height: Mapped[Height]
    """As of a deposit."""
    owed: Mapped[int] = mapped_column(BaseUnits)
    reservation_id: Mapped[str | None] = mapped_column(ForeignKey("ledger_entries.id"))
    owed_reservation_id: Mapped[str | None] = mapped_column(ForeignKey("ledger_entries.id"))
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    serial: Mapped[Serial]


for _column in ("client_id", "vault_id", "network", "state"):
    Index(None, ForeignDebitRow.__table__.c[_column], ForeignDebitRow.serial)
Index("ix_foreign_debits_network_state", ForeignDebitRow.network, ForeignDebitRow.state)
Index("ix_foreign_debits_network_txid", ForeignDebitRow.network, ForeignDebitRow.txid)


class SuspenseDecisionRow(Row):
    """What a person decided about money that came to a vault's addresses and was nobody's deposit.
    `destination`: the account that it went to: vault, unswept, or chain for what is not there any
    more. Its ledger entry has this row's id as subject. Never changed."""

    __tablename__ = "suspense_decisions"
    id: Mapped[str] = mapped_column(primary_key=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), index=True)
    asset: Mapped[str]
    amount: Mapped[int] = mapped_column(BaseUnits)
    destination: Mapped[str]
    reason: Mapped[str]
    decided_by: Mapped[str]
    created_at: Mapped[datetime]
