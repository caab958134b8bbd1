"""What the service is asked and what it answers. Knows nothing of HTTP but that an answer has a
number and bytes, which are stored so that a repeated request gets the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chains.model import AssetId, NetworkId
from custody.db.tables import TransferRow
from custody.errors import Unprocessable

NOTE_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """`destination` as somebody typed it; `amount` and `fee_max` in base units, positive. `fee_max`
    None: the network's default."""

    vault_id: str
    network: NetworkId
    asset: AssetId
    destination: str
    amount: int
    fee_max: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Idempotency:
    """`scope`: whose key it is, and for which route. `request_hash`: of what was asked."""

    scope: str
    key: str
    request_hash: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """`replayed`: stored by an earlier request with the same key."""

    status: int
    body: bytes
    replayed: bool = False


class Renderer(Protocol):
    """Turns outcomes into answers, inside the transaction that stores them."""

    def created(self, row: TransferRow) -> Answer: ...

    def denied(self, row: TransferRow) -> Answer: ...

    def refused(self, error: Unprocessable) -> Answer: ...
