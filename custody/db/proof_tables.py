"""Proofs that blocks have our transactions, kept for auditors. As `tables`: rows only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from custody.db.base import Row


class ChainProofRow(Row):
    """What nodes said when a transaction was final in a block, and the proof that the block has it,
    if there was one (JSON). `number` counts from 1: a proof that comes later is another row."""

    __tablename__ = "chain_proofs"
    transaction_id: Mapped[str] = mapped_column(ForeignKey("transactions.id"), primary_key=True)
    block_hash: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    captured_at: Mapped[datetime]
    said: Mapped[str]
    proof: Mapped[str | None]


class ProofWantRow(Row):
    """A transaction became final, and its proof is not kept yet. Written with its end, so that no
    crash forgets it. `last_error`: the code of what was in the way."""

    __tablename__ = "proof_wants"
    transaction_id: Mapped[str] = mapped_column(ForeignKey("transactions.id"), primary_key=True)
    network: Mapped[str]
    since: Mapped[datetime]
    due_at: Mapped[datetime]
    attempts: Mapped[int]
    last_error: Mapped[str | None]


Index("ix_proof_wants_network_due_at", ProofWantRow.network, ProofWantRow.due_at)


def want(row: Any, now: datetime) -> dict[str, Any]:
    """Of a transaction that became final."""
    named = {"transaction_id": row.id, "network": row.network, "last_error": None}
    return named | {"since": now, "due_at": now, "attempts": 0}
