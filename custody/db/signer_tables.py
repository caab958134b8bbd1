"""Rows on what custody knows of its signer: its journal, its policies, its signed word."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row


class PolicyVersionRow(Row):
    """Every signed policy that was ever in force, as the signer's journal tells it. `digest`:
    SHA-256 of the document, which decisions name. `signatures`: canonical JSON, by administrator.
    `in_force_at`: the signer's time."""

    __tablename__ = "policy_versions"
    digest: Mapped[bytes] = mapped_column(primary_key=True)
    version: Mapped[int]
    document: Mapped[bytes]
    signatures: Mapped[bytes]
    in_force_at: Mapped[datetime]
    first_seen: Mapped[datetime]


class SignerCheckpointRow(Row):
    """The newest signed checkpoint of each log origin of the signer (C2SP signed note).
    `contradiction`: one that was signed as well and does not continue it."""

    __tablename__ = "signer_checkpoints"
    origin: Mapped[str] = mapped_column(primary_key=True)
    log_key: Mapped[bytes]
    note: Mapped[str]
    contradiction: Mapped[str | None]
    updated_at: Mapped[datetime]


class SignerJournalRow(Row):
    """One row: all records of the signer's journal up to `sequence`, whose head is `head`, are
    known here. `closed_since`: set while a later one is not; then nothing is accepted, signed or
    followed. `reason`: why, for people."""

    __tablename__ = "signer_journal"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int]
    head: Mapped[bytes]
    closed_since: Mapped[datetime | None]
    reason: Mapped[str | None]


class VaultOpeningRow(Row):
    """Stored before the signer is asked for a vault's account, and gone with the vault's own row:
    so the signer's record of it is explained also if its answer was lost."""

    __tablename__ = "vault_openings"
    vault_id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id"))
    name: Mapped[str]
    created_at: Mapped[datetime]
