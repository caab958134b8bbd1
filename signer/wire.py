"""What crosses the signer's socket: requests, receipts, refusals, and their canonical bytes.

Public: custody builds these, the signer believes none of them. Canonical bytes are RFC 8785 JSON,
so that what an approver signs, what custody stores and what the signer hashes are the same bytes.
Amounts are decimal strings of base units, times RFC 3339 UTC with seconds, bytes lower-case hex.
A parser here refuses unknown fields, missing fields and non-canonical values (MalformedMessage).

Knows no key, no policy and no chain code beyond the value types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeVar

from chains.effects import Pay
from chains.model import Address, AssetId, NetworkId, Signature, UnsignedTx
from signer.canonical import (
    MalformedMessage,
    amount,
    boolean,
    canonical_json,
    exact_fields,
    format_time,
    identifier,
    integer,
    listed,
    octets,
    parse_json,
    parse_time,
    read_json,
    read_strict_json,
    text,
)
from signer.statements import Attestation, Notice, Status

_E = TypeVar("_E", bound=StrEnum)

VERSION = 1
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
BATCH_MAX = 256
PAYLOAD_BYTES_MAX = 1024 * 1024
"""Of an unsigned transaction: what is signed is kept whole in the journal, one record a message."""
_OUTPUTS_MAX = 1024
_APPROVALS_MAX = 256
SIGNATURES_MAX = 4096
_MANDATE_DOMAIN = b"custody-wallet/mandate/v1\n"
_APPROVAL_DOMAIN = b"custody-wallet/approval/v1\n"
_REJECTION_DOMAIN = b"custody-wallet/rejection/v1\n"
_TX_DOMAIN = b"custody-wallet/transaction/v1\n"


class Action(StrEnum):
    TRANSFER = "transfer"


class RefusalCode(StrEnum):
    """Why the signer signed nothing. `Refusal.detail` narrows it; both are stable."""

    MALFORMED = "malformed"
    """The request or the transaction cannot be read."""
    UNAUTHENTICATED = "unauthenticated"
    MISMATCH = "mismatch"
    """The transaction does something else than the mandate says."""
    UNEXPLAINED = "unexplained"
    """The transaction contains something the codec has no words for."""
    DENIED = "denied"
    """The policy says no, or says nothing."""
    NEEDS_APPROVALS = "needs-approvals"
    EXPIRED = "expired"
    NOT_YET = "not-yet"
    """A time lock is still running."""
    POLICY_VERSION = "policy-version"
    """The mandate names another version of the policy than the one in force."""
    CONFLICT = "conflict"
    """Another transaction was signed for this mandate and both could confirm."""
    UNKNOWN_VAULT = "unknown-vault"
    LOCKED = "locked"
    UNAVAILABLE = "unavailable"


class Verdict(StrEnum):
    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Mandate:
    """What humans, or a standing rule, agreed to. `digest` is what approvers sign.

    `source_path` is the paying address's full derivation path on account chains and the account's
    hardened prefix on UTXO chains, where `source_address` is None. `fee_max`: native base units
    that may leave the source beyond the outputs. `initiator`: who asked, as the API knows them.
    """

    transfer: str
    client: str
    vault: str
    network: NetworkId
    action: Action
    initiator: str
    source_path: str
    source_address: Address | None
    outputs: tuple[Pay, ...]
    fee_max: int
    policy_version: int
    requested_at: datetime
    expires_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "transfer": self.transfer,
            "client": self.client,
            "vault": self.vault,
            "network": self.network,
            "action": self.action.value,
            "initiator": self.initiator,
            "source_path": self.source_path,
            "source_address": self.source_address,
            "outputs": [
                {"address": out.address, "asset": out.asset, "amount": str(out.amount)}
                for out in self.outputs
            ],
            "fee_max": str(self.fee_max),
            "policy_version": self.policy_version,
            "requested_at": format_time(self.requested_at),
            "expires_at": format_time(self.expires_at),
        }

    def canonical(self) -> bytes:
        """RFC 8785 bytes: the document an approver is shown and signs."""
        return canonical_json(self.to_json())

    def digest(self) -> bytes:
        """SHA-256 over a domain tag and the canonical bytes."""
        return sha256(_MANDATE_DOMAIN + self.canonical()).digest()

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> Mandate:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, _MANDATE_FIELDS)
        if integer(fields["version"]) != VERSION:
            raise MalformedMessage("mandate version")
        outputs = listed(fields["outputs"], maximum=_OUTPUTS_MAX)
        if not outputs:
            raise MalformedMessage("outputs")
        source_address = fields["source_address"]
        return cls(
            transfer=identifier(fields["transfer"]),
            client=identifier(fields["client"]),
            vault=identifier(fields["vault"]),
            network=NetworkId(identifier(fields["network"])),
            action=_enum(Action, fields["action"]),
            initiator=identifier(fields["initiator"]),
            source_path=identifier(fields["source_path"]),
            source_address=None if source_address is None else Address(identifier(source_address)),
            outputs=tuple(_payment(out) for out in outputs),
            fee_max=amount(fields["fee_max"]),
            policy_version=integer(fields["policy_version"]),
            requested_at=parse_time(fields["requested_at"]),
            expires_at=parse_time(fields["expires_at"]),
        )


_MANDATE_FIELDS = frozenset(
    "version transfer client vault network action initiator source_path source_address outputs "
    "fee_max policy_version requested_at expires_at".split()
)


def approval_message(mandate_digest: bytes, verdict: Verdict) -> bytes:
    """What an approver's Ed25519 key signs. Approving and rejecting are different bytes."""
    domain = _APPROVAL_DOMAIN if verdict is Verdict.APPROVE else _REJECTION_DOMAIN
    return domain + mandate_digest


@dataclass(frozen=True, slots=True)
class Approval:
    """`approver`: the person's id in the policy document. `signature`: 64 bytes over
    `approval_message(mandate.digest(), APPROVE)`."""

    approver: str
    signature: bytes

    def to_json(self) -> dict[str, Any]:
        return {"approver": self.approver, "signature": self.signature.hex()}

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> Approval:
        fields = exact_fields(row, frozenset({"approver", "signature"}))
        return cls(identifier(fields["approver"]), octets(fields["signature"], 64))


def tx_digest(tx: UnsignedTx) -> bytes:
    """Names an unsigned transaction: SHA-256 over a domain tag, one line of JSON with network and
    sender, and the payload. That is all that a codec reads."""
    return sha256(
        _TX_DOMAIN + canonical_json([tx.network, tx.sender]) + b"\n" + tx.payload
    ).digest()


@dataclass(frozen=True, slots=True)
class SignRequest:
    mandate: Mandate
    tx: UnsignedTx
    approvals: tuple[Approval, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "mandate": self.mandate.to_json(),
            "tx": _tx_to_json(self.tx),
            "approvals": [approval.to_json() for approval in self.approvals],
        }

    @classmethod
    def parse(cls, row: object) -> SignRequest:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, _REQUEST_FIELDS)
        approvals = listed(fields["approvals"], maximum=_APPROVALS_MAX)
        return cls(
            mandate=Mandate.parse(fields["mandate"]),
            tx=_parse_tx(fields["tx"]),
            approvals=tuple(Approval.parse(item) for item in approvals),
        )


_REQUEST_FIELDS = frozenset("mandate tx approvals".split())
_TX_FIELDS = frozenset("network payload sender".split())
_PAYMENT_FIELDS = frozenset("address asset amount".split())


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of one signing. `signatures` are in the order of the codec's `signing_inputs`.
    `sequence` and `head` place it in the signer's audit log (custody keeps the newest, and a
    signer restored from an older backup is told by it)."""

    transfer: str
    mandate_digest: bytes
    tx_digest: bytes
    signatures: tuple[Signature, ...]
    sequence: int
    head: bytes
    signed_at: datetime

    def to_json(self) -> dict[str, Any]:
        return {
            "transfer": self.transfer,
            "mandate_digest": self.mandate_digest.hex(),
            "tx_digest": self.tx_digest.hex(),
            "signatures": [
                {"public_key": s.public_key.hex(), "signature": s.signature.hex()}
                for s in self.signatures
            ],
            "sequence": self.sequence,
            "head": self.head.hex(),
            "signed_at": format_time(self.signed_at),
        }

    @classmethod
    def parse(cls, row: object) -> Receipt:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, _RECEIPT_FIELDS)
        signatures = listed(fields["signatures"], maximum=SIGNATURES_MAX)
        return cls(
            transfer=identifier(fields["transfer"]),
            mandate_digest=octets(fields["mandate_digest"], 32),
            tx_digest=octets(fields["tx_digest"], 32),
            signatures=tuple(_signature(item) for item in signatures),
            sequence=integer(fields["sequence"]),
            head=octets(fields["head"], 32),
            signed_at=parse_time(fields["signed_at"]),
        )


_RECEIPT_FIELDS = frozenset(
    "transfer mandate_digest tx_digest signatures sequence head signed_at".split()
)


@dataclass(frozen=True, slots=True)
class Need:
    """Approvals still missing: `count` more persons of `group`."""

    group: str
    count: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """`detail`: a stable word below `code`, e.g. mismatch/amount. `message` is for people."""

    transfer: str
    code: RefusalCode
    detail: str
    message: str
    needs: tuple[Need, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return {
            "transfer": self.transfer,
            "code": self.code.value,
            "detail": self.detail,
            "message": self.message,
            "needs": [{"group": need.group, "count": need.count} for need in self.needs],
        }

    @classmethod
    def parse(cls, row: object) -> Refusal:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, frozenset("transfer code detail message needs".split()))
        return cls(
            transfer=identifier(fields["transfer"]),
            code=_enum(RefusalCode, fields["code"]),
            detail=text(fields["detail"]),
            message=text(fields["message"], maximum=4096),
            needs=tuple(_need(item) for item in listed(fields["needs"], maximum=256)),
        )


Outcome = Receipt | Refusal


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    return {"receipt" if isinstance(outcome, Receipt) else "refusal": outcome.to_json()}


def parse_outcome(row: object) -> Outcome:
    """From decoded JSON. Raises MalformedMessage."""
    if isinstance(row, Mapping) and row.keys() == {"receipt"}:
        return Receipt.parse(row["receipt"])
    return Refusal.parse(exact_fields(row, frozenset({"refusal"}))["refusal"])


def _payment(row: object) -> Pay:
    fields = exact_fields(row, _PAYMENT_FIELDS)
    return Pay(
        Address(identifier(fields["address"])),
        AssetId(identifier(fields["asset"])),
        amount(fields["amount"]),
    )


def _tx_to_json(tx: UnsignedTx) -> dict[str, Any]:
    return {"network": tx.network, "payload": tx.payload.hex(), "sender": tx.sender}


def _parse_tx(row: object) -> UnsignedTx:
    fields = exact_fields(row, _TX_FIELDS)
    sender = fields["sender"]
    return UnsignedTx(
        network=NetworkId(identifier(fields["network"])),
        payload=_payload(fields["payload"]),
        sender=None if sender is None else Address(identifier(sender)),
    )


def _payload(value: object) -> bytes:
    payload = octets(value)
    if len(payload) > PAYLOAD_BYTES_MAX:
        raise MalformedMessage("payload")
    return payload


def _signature(row: object) -> Signature:
    fields = exact_fields(row, frozenset({"public_key", "signature"}))
    return Signature(octets(fields["public_key"]), octets(fields["signature"]))


def _need(row: object) -> Need:
    fields = exact_fields(row, frozenset({"group", "count"}))
    return Need(identifier(fields["group"]), integer(fields["count"]))


def _enum(kind: type[_E], value: object) -> _E:
    try:
        return kind(text(value))
    except ValueError as error:
        raise MalformedMessage(kind.__name__) from error


__all__ = [
    "BATCH_MAX",
    "MESSAGE_BYTES_MAX",
    "PAYLOAD_BYTES_MAX",
    "SIGNATURES_MAX",
    "VERSION",
    "Action",
    "Approval",
    "Attestation",
    "MalformedMessage",
    "Mandate",
    "Need",
    "Notice",
    "Outcome",
    "Receipt",
    "Refusal",
    "RefusalCode",
    "SignRequest",
    "Status",
    "Verdict",
    "amount",
    "approval_message",
    "boolean",
    "canonical_json",
    "exact_fields",
    "format_time",
    "identifier",
    "integer",
    "listed",
    "octets",
    "outcome_to_json",
    "parse_json",
    "parse_outcome",
    "parse_time",
    "read_json",
    "read_strict_json",
    "text",
    "tx_digest",
]
