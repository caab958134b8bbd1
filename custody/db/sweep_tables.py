"""Rows of sweeps by rule: when later addresses are swept, and each time that one was. As `tables`:
rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, false
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import BaseUnits


class SweepRuleRow(Row):
    """Addresses of the vault with at least `threshold` of the asset are swept, null: they are not;
    at once, or in rounds of `every_s` seconds. Not where that would cost more than `cost_max` of
    the native asset, or more than `percent` of what it brings; a whole token is worth `price` of
    the native asset, as whoever set the rule said then. `closes`: token accounts that a sweep
    leaves empty are closed with it. Asked for with the API key, in its
    initiator's name. The one with the greatest `number` counts."""

    __tablename__ = "sweep_rules"
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    asset: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    network: Mapped[str]
    threshold: Mapped[int | None] = mapped_column(BaseUnits)
    every_s: Mapped[int | None]
    cost_max: Mapped[int | None] = mapped_column(BaseUnits)
    percent: Mapped[int | None]
    price: Mapped[int | None] = mapped_column(BaseUnits)
    key_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"))
    closes: Mapped[bool] = mapped_column(server_default=false())
    reason: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime]


class SweepRow(Row):
    """One time that an address had enough. Written before the transfer is asked for, whose retry
    key is vault, address, asset and number. `amount`: what lay there; `cost`: the most that
    sweeping it would cost, in the native asset; `closes`: whether its token accounts are closed
    with it, for which `returns` is expected. `open_key` (network, address) keeps two from being
    open; null once it has ended. `code`: why nothing came of it."""

    __tablename__ = "sweeps"
    network: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    asset: Mapped[str]
    destination: Mapped[str]
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    amount: Mapped[int] = mapped_column(BaseUnits)
    cost: Mapped[int] = mapped_column(BaseUnits)
    cost_max: Mapped[int | None] = mapped_column(BaseUnits)
    closes: Mapped[bool] = mapped_column(server_default=false())
    returns: Mapped[int | None] = mapped_column(BaseUnits)
    state: Mapped[str]
    open_key: Mapped[str | None] = mapped_column(unique=True)
    transfer_id: Mapped[str | None] = mapped_column(ForeignKey("transfers.id"))
    code: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


Index("ix_sweeps_vault_id", SweepRow.vault_id, SweepRow.asset, SweepRow.created_at)
