"""The ledger as a chain of digests, in the order in which entries were committed. Pure.

Whoever kept the digest of a position knows later whether anything up to it was changed, taken out
or put in: SHA-256 over the digest before and everything that the entry and its place say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

START: Final = bytes(32)
"""The digest before the first entry."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry at a place of everybody's feed. One between two clients has two places."""

    position: int
    client: str | None
    sequence: int | None
    id: str
    kind: str
    debit: str
    credit: str
    asset: str
    amount: int
    pending_id: str | None
    subject: str
    reason: str
    created_at: datetime


def link(before: bytes, placed: Placed) -> bytes:
    """The digest of everything up to and including `placed`."""
    said = [
        placed.position,
        placed.client,
        placed.sequence,
        placed.id,
        placed.kind,
        placed.debit,
        placed.credit,
        placed.asset,
        str(placed.amount),
        placed.pending_id,
        placed.subject,
        placed.reason,
        placed.created_at.astimezone(UTC).isoformat(),
    ]
    return sha256(before + json.dumps(said, separators=(",", ":")).encode()).digest()


@dataclass(frozen=True, slots=True)
class Head:
    """The digest of all entries up to and including `position`."""

    position: int = 0
    digest: bytes = START

    def __str__(self) -> str:
        return f"{self.position}.{self.digest.hex()}"

    def then(self, placed: Placed) -> Head:
        return Head(placed.position, link(self.digest, placed))
