"""Rows of coins moved by rule: when a vault's coins are consolidated or split, and each time that
they were. As `tables`: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import BaseUnits


class CoinRuleRow(Row):
    """From `coins_min` coins on the smallest, `coins_most` at a time, become one while the network
    asks for at most `rate_max` (its unit is `chains.prices`'); while there are fewer than `keep`
    coins of `keep_size` base units, and the network asks for at most `keep_rate_max`, the largest
    becomes several. Null: it is not done. Asked for with the API key, in its initiator's name. The
    one with the greatest `number` counts."""

    __tablename__ = "coin_rules"
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    network: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    coins_min: Mapped[int | None]
    coins_most: Mapped[int | None]
    rate_max: Mapped[int | None] = mapped_column(BaseUnits)
    keep: Mapped[int | None]
    keep_size: Mapped[int | None] = mapped_column(BaseUnits)
    keep_rate_max: Mapped[int | None] = mapped_column(BaseUnits)
    key_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"))
    reason: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime]


class CoinMoveRow(Row):
    """One time that there were too many, or too few. Written before the transfer is asked for,
    whose retry key is vault, network and number. `kind`: of that transfer; `coins`: how many become
    one, or how many one becomes; `amount`: what they were worth. `rate`: what the network asked
    for (0: forgotten), `cost`: the most that it would cost at that, `cost_max`: at the rule's;
    null: nobody could say. `open_key` (vault, network) keeps two from being open; null once it has
    ended. `code`: why nothing came of it."""

    __tablename__ = "coin_moves"
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), primary_key=True)
    network: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str]
    asset: Mapped[str]
    coins: Mapped[int]
    amount: Mapped[int] = mapped_column(BaseUnits)
    destination: Mapped[str]
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id"))
    rate: Mapped[int] = mapped_column(BaseUnits)
    cost: Mapped[int | None] = mapped_column(BaseUnits)
    cost_max: Mapped[int | None] = mapped_column(BaseUnits)
    state: Mapped[str]
    open_key: Mapped[str | None] = mapped_column(unique=True)
    transfer_id: Mapped[str | None] = mapped_column(ForeignKey("transfers.id"))
    code: Mapped[str | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


Index("ix_coin_moves_transfer_id", CoinMoveRow.transfer_id)
