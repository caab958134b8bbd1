"""Rows of the gas station: what pays for the coins that token payments need, what waits for them,
and each time that an address was topped up. As `tables`: rows only."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column

from chains.costs import Costs
from custody.db.base import Row
from custody.db.types import BaseUnits, ByKind

EVERYBODY: Final = ""
"""In the place of a client: a rule for all that have none of their own."""


class GasRuleRow(Row):
    """Who tops up addresses of `client` on the network: `payer_id`, null: nobody. In native base
    units at most `most_each` at a time and `most_day` in 24 hours, asked for with the API key, in
    its initiator's name. `bears`: `gas.model.Bearer`. `carries`: in place of bringing coins it
    submits payments that the address signs apart, where the token can. The one with the greatest
    `number` counts."""

    __tablename__ = "gas_rules"
    network: Mapped[str] = mapped_column(primary_key=True)
    client: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    payer_id: Mapped[str | None] = mapped_column(ForeignKey("vaults.id"))
    most_each: Mapped[int | None] = mapped_column(BaseUnits)
    most_day: Mapped[int | None] = mapped_column(BaseUnits)
    bears: Mapped[str | None]
    key_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"))
    carries: Mapped[bool] = mapped_column(server_default=false())
    reason: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime]


class GasNeedRow(Row):
    """A version of a transfer's terms whose costs are not held yet, since the address that pays
    them has too little. `costs`: what is to be held. `state`: `gas.model.NeedState`."""

    __tablename__ = "gas_needs"
    transfer_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    network: Mapped[str]
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    address: Mapped[str]
    costs: Mapped[Costs] = mapped_column(ByKind)
    state: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    __table_args__ = (
        ForeignKeyConstraint(
            ["transfer_id", "version"], ["mandates.transfer_id", "mandates.version"]
        ),
    )


class GasTopUpRow(Row):
    """One time that an address got coins. Written before the transfer is asked for, whose retry key
    is network, address, number and `bears`. `open_key` (network, address) keeps two from being
    open; null once it has ended. `code`: why nothing came of it."""

    __tablename__ = "gas_top_ups"
    network: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    payer_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    bears: Mapped[str]
    amount: Mapped[int] = mapped_column(BaseUnits)
    state: Mapped[str]
    open_key: Mapped[str | None] = mapped_column(unique=True)
    transfer_id: Mapped[str | None] = mapped_column(ForeignKey("transfers.id"))
    code: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class GasCarrierRow(Row):
    """One time that somebody was asked to submit a payment of the vault's, the transaction
    `transaction_id`, which it signed apart. Written before the transfer is asked for, whose retry
    key is the payment's key, `bears` and number; `named`: the id that this transfer has. `amount`:
    the most that it may cost. `open_key` (the transaction) keeps two from being open; null once it
    has ended. `code`: why nothing came of it."""

    __tablename__ = "gas_carriers"
    transaction_id: Mapped[str] = mapped_column(ForeignKey("transactions.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    network: Mapped[str]
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    payer_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    bears: Mapped[str]
    amount: Mapped[int] = mapped_column(BaseUnits)
    named: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    open_key: Mapped[str | None] = mapped_column(unique=True)
    transfer_id: Mapped[str | None] = mapped_column(ForeignKey("transfers.id"))
    code: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


Index(
    "ix_gas_needs_open",
    GasNeedRow.network,
    GasNeedRow.address,
    sqlite_where=text("state = 'open'"),
    postgresql_where=text("state = 'open'"),
)
Index("ix_gas_carriers_payer_id", GasCarrierRow.payer_id, GasCarrierRow.created_at)
Index("ix_gas_carriers_vault_id", GasCarrierRow.vault_id, GasCarrierRow.created_at)
Index("ix_gas_top_ups_payer_id", GasTopUpRow.payer_id, GasTopUpRow.created_at)
Index("ix_gas_top_ups_vault_id", GasTopUpRow.vault_id, GasTopUpRow.created_at)
