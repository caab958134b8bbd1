"""What our own blocks show of transactions that our addresses and coins pay for, and of what is no
money. As `tables`: rows only, written by the follower and taken back with their blocks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from chains.costs import Costs
from custody.db.base import Row
from custody.db.types import BaseUnits, ByKind, Height


class SightingRow(Row):
    """That a transaction is in a block of our chain: one of ours, or somebody's who has our key.
    `failure`: the chain's word if it did nothing. `costs`: what its payer lost beside its effects,
    by kind; empty where a chain has coins, whose owner knows what they were worth. `returned`:
    what came back to him out of accounts of his that it closed."""

    __tablename__ = "sightings"
    network: Mapped[str] = mapped_column(primary_key=True)
    txid: Mapped[str] = mapped_column(primary_key=True)
    block_height: Mapped[Height] = mapped_column(primary_key=True)
    block_hash: Mapped[str]
    failure: Mapped[str | None]
    costs: Mapped[Costs] = mapped_column(ByKind)
    returned: Mapped[Costs | None] = mapped_column(ByKind)


class ConsumptionRow(Row):
    """By which transaction of our chain a conflict key was used up, of a coin or an account of
    ours or one that a transaction of ours claims."""

    __tablename__ = "consumptions"
    network: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    txid: Mapped[str]
    block_height: Mapped[Height]


class UnlistedRow(Row):
    """That somebody sent an asset to an address of ours that is not listed. Anybody can make one
    and call it as he likes: it is shown, and is in no balance. Gone with its block, and when its
    asset was listed and the block was read again: then it is a deposit. `sender`: whom the
    contract's log names at the other end, who need not have known. `amount`: 0 where the log says
    that nothing was paid, whoever was to. `mark`: why it is not shown unless it is asked for."""

    __tablename__ = "unlisted"
    network: Mapped[str] = mapped_column(primary_key=True)
    txid: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[str] = mapped_column(primary_key=True)
    asset: Mapped[str]
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id"))
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    address: Mapped[str]
    sender: Mapped[str | None]
    amount: Mapped[int] = mapped_column(BaseUnits)
    block_height: Mapped[Height]
    block_hash: Mapped[str]
    seen_at: Mapped[datetime]
    mark: Mapped[str | None]


class UnlistedBeyondRow(Row):
    """How many times more an address was sent what is no money than is kept of it, and from which
    block on. It only grows: it counts what was seen, in undone blocks too."""

    __tablename__ = "unlisted_beyond"
    network: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id"))
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    count: Mapped[Height]
    first_height: Mapped[Height]


Index("ix_unlisted_address", UnlistedRow.network, UnlistedRow.address)
Index("ix_unlisted_beyond_vault", UnlistedBeyondRow.vault_id)
Index("ix_unlisted_network_height", UnlistedRow.network, UnlistedRow.block_height)
Index("ix_unlisted_vault", UnlistedRow.vault_id, UnlistedRow.block_height)
Index("ix_sightings_network_height", SightingRow.network, SightingRow.block_height)
Index("ix_consumptions_network_height", ConsumptionRow.network, ConsumptionRow.block_height)
