"""What the service is asked and what it answers. Knows nothing of HTTP but that an answer has a
number and bytes, which are stored so that a repeated request gets the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chains.model import AssetId, NetworkId
from custody.db.ids import derived_id
from custody.db.tables import TransferRow
from custody.errors import Unprocessable

NOTE_LENGTH_MAX = 500
_TRANSFER_DOMAIN = b"custody-wallet/transfer-id/v1\n"


@dataclass(frozen=True, slots=True)
class TransferRequest:
    """`destination` as somebody typed it; `amount` and `fee_max` in base units, positive. `fee_max`
    None: the network's default, which bounds every other kind of cost too."""

    vault_id: str
    network: NetworkId
    asset: AssetId
    destination: str
    amount: int
    fee_max: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A retry key. `client_id`: for whom something is made; None stands for the house, and for a
    client that is not known yet. `request_hash`: of what was asked."""

    route: str
    key: str
    request_hash: bytes
    client_id: str | None = None

    @property
    def scope(self) -> str:
        """Whose key it is, and for which route."""
        owner = f"client {self.client_id}" if self.client_id else "house"
        return f"{owner} {self.route}"


def transfer_id_of(client_id: str, key: str) -> str:
    """The id of the transfer that this client asks for under this retry key, now and for ever.

    It follows from what the client says and from nothing that a database could forget: a restored
    one gives the same request the same id again, and the signer's guard remembers it.
    """
    return derived_id("tfr", _TRANSFER_DOMAIN, client_id, key)


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
