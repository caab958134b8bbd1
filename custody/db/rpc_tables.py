"""What apps ask of vaults by JSON-RPC, and with which tokens. As `tables`: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row


class RpcTokenRow(Row):
    """A secret that stands in a URL, for wallets that can send no header. It can only ask, for one
    vault on one network, as `initiator`. `digest`: SHA-256 of the secret. `origins`: the web pages
    that may use it, with spaces between them; none if empty. `api_key_id`: the key that made it,
    with which it ends; None if an operator did."""

    __tablename__ = "rpc_tokens"
    id: Mapped[str] = mapped_column(primary_key=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"), index=True)
    network: Mapped[str]
    initiator: Mapped[str]
    digest: Mapped[bytes] = mapped_column(unique=True)
    origins: Mapped[str]
    api_key_id: Mapped[str | None] = mapped_column(ForeignKey("api_keys.id"))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class RpcAskRow(Row):
    """The same request, asked for the `number`th time: one until its end was told, however often
    it is repeated. `digest`: of who asks for what. `told_as`: what the app was told at last."""

    __tablename__ = "rpc_asks"
    __table_args__ = (UniqueConstraint("vault_id", "network", "digest", "number"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    vault_id: Mapped[str] = mapped_column(ForeignKey("vaults.id"))
    network: Mapped[str]
    digest: Mapped[bytes]
    number: Mapped[int]
    created_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    told_as: Mapped[str | None]
