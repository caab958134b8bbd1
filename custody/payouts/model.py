"""What a file of payments is, and what its lines are. Pure.

A file is named by what it says: its client, its reference and the meaning of its lines in their
order. So it is the same one however often it is sent, in either format, with any line ends, and by
a database that had forgotten it. Each of its payments has a retry key that follows from that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from chains.costs import CostKind
from chains.model import AssetId, NetworkId
from custody.db.ids import derived_id
from custody.payouts.reading import Fault
from custody.transfers.priority import Priority
from custody.transfers.request import Idempotency, Output, TransferRequest
from signer.wire import canonical_json

_FILE_DOMAIN: Final = b"custody-wallet/payout-file-id/v1\n"
ROUTE: Final = "payout file"


class FileState(StrEnum):
    RECEIVING = "receiving"
    """Its lines are being stored; none of it is paid. It is finished by sending it again."""
    PROCESSING = "processing"
    DONE = "done"
    """Each line has become a transfer, or something that says why not."""


class LineState(StrEnum):
    INVALID = "invalid"
    """It can't mean a payment; the other lines were wanted all the same."""
    PENDING = "pending"
    CREATED = "created"
    """A transfer was made."""
    DENIED = "denied"
    """The policy says no; the transfer is on record."""
    REFUSED = "refused"
    """There is no transfer: money, a rule of custody or a name that is taken."""


@dataclass(frozen=True, slots=True)
class Line:
    """One payment of a file. `cells`: its words; `request`: what they mean, or else `fault`."""

    number: int
    line: int
    cells: Mapping[str, Any]
    request: TransferRequest | None
    fault: Fault | None = None
    same_as: int | None = None


class Digest:
    """Over what lines say, in their order."""

    def __init__(self) -> None:
        self._sum = sha256()

    def add(self, line: Line) -> None:
        if line.request is not None:
            data = canonical_json(document_of(line.request))
        else:
            data = cells_json(line.cells).encode()
        self._sum.update(len(data).to_bytes(8, "big") + data)

    def digest(self) -> bytes:
        return self._sum.digest()


def file_id_of(client_id: str, reference: str | None, digest: bytes) -> str:
    return derived_id("pof", _FILE_DOMAIN, client_id, reference or "", digest.hex())


def key_of(file_id: str, number: int, client_id: str, request: TransferRequest) -> Idempotency:
    """The retry key of a line's transfer: the same whenever anybody asks for it."""
    asked = sha256(canonical_json(document_of(request))).digest()
    return Idempotency(ROUTE, f"{file_id}:{number}", asked, client_id)


def cells_json(cells: Mapping[str, Any]) -> str:
    """Of any values that JSON has."""
    return json.dumps(dict(cells), sort_keys=True, separators=(",", ":"))


def payment_of(request: TransferRequest) -> tuple[object, ...]:
    """What two lines have in common that pay the same."""
    (output,) = request.outputs
    place = request.vault_id, request.network, request.asset
    return (*place, output.destination, output.memo, output.amount)


def document_of(request: TransferRequest) -> dict[str, Any]:
    """A request as it is stored. Amounts are in base units; what is not said is left out."""
    (output,) = request.outputs
    said = {
        "vault_id": request.vault_id,
        "network": request.network,
        "asset": request.asset,
        "destination": output.destination,
        "amount": str(output.amount),
        "memo": output.memo,
        "fee_max": None if request.fee_max is None else str(request.fee_max),
        "costs_max": {kind.value: str(most) for kind, most in request.costs_max.items()} or None,
        "note": request.note,
        "external_id": request.external_id,
        "metadata": dict(request.metadata) or None,
        "priority": None if request.priority is Priority.NORMAL else request.priority.value,
    }
    return {name: value for name, value in said.items() if value is not None}


def request_from(document: str, file_id: str, *, reject_duplicates: bool) -> TransferRequest:
    said = json.loads(document)
    fee_max = said.get("fee_max")
    return TransferRequest(
        vault_id=said["vault_id"],
        network=NetworkId(said["network"]),
        asset=AssetId(said["asset"]),
        outputs=(Output(said["destination"], int(said["amount"]), said.get("memo")),),
        fee_max=None if fee_max is None else int(fee_max),
        costs_max={CostKind(k): int(most) for k, most in said.get("costs_max", {}).items()},
        note=said.get("note"),
        external_id=said.get("external_id"),
        metadata=said.get("metadata", {}),
        reject_duplicates=reject_duplicates,
        priority=Priority(said.get("priority", Priority.NORMAL)),
        payout_file=file_id,
    )
