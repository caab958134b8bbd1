"""The transparency log: leaves, checkpoints, cosignatures (ADR 0107). As `tables`: rows only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row
from custody.db.types import Ordinal


class LogEntryRow(Row):
    """Leaf `number`, from 0 and without gaps, of the log that calls itself `origin`: something of
    `kind` that is called `name` and has this `digest`. `nodes`: the roots of the subtrees that the
    leaf completes, its own hash first, 32 bytes each."""

    __tablename__ = "log_entries"
    __table_args__ = (UniqueConstraint("origin", "kind", "name"),)
    origin: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Ordinal, primary_key=True, autoincrement=False)
    kind: Mapped[str]
    name: Mapped[str]
    digest: Mapped[bytes]
    salt: Mapped[bytes]
    nodes: Mapped[bytes]
    created_at: Mapped[datetime]


class LogCheckpointRow(Row):
    """What the log key signed of the first `size` leaves (C2SP signed note)."""

    __tablename__ = "log_checkpoints"
    origin: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(Ordinal, primary_key=True, autoincrement=False)
    note: Mapped[str]
    created_at: Mapped[datetime]


class LogCosignatureRow(Row):
    """A witness's line under a checkpoint (C2SP tlog-cosignature), as it came and was verified."""

    __tablename__ = "log_cosignatures"
    __table_args__ = (
        ForeignKeyConstraint(
            ["origin", "size"], ["log_checkpoints.origin", "log_checkpoints.size"]
        ),
    )
    origin: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(Ordinal, primary_key=True, autoincrement=False)
    witness: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[str]
    created_at: Mapped[datetime]


class EvidenceManifestRow(Row):
    """A bundle of evidence was handed out: the digest that names it, in hexadecimal, and what it is
    about."""

    __tablename__ = "evidence_manifests"
    digest: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(index=True)
