"""What crosses the signer's socket: requests, receipts, refusals, and their canonical bytes.

Public. Custody builds these; the signer believes none of them. Canonical bytes are RFC 8785 JSON:
an approver signs, custody stores and the signer hashes the same bytes.
Amounts are decimal strings of base units, times RFC 3339 UTC with seconds, bytes lower-case hex.
A parser here refuses unknown fields, missing fields and non-canonical values (MalformedMessage).
What people agree to is in `signer.agreement`. It can be imported from here too.

Knows no key, no policy and no chain code beyond the value types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeVar

from chains.model import Address, NetworkId, Signature, UnsignedTx
from signer.agreement import (
    Action,
    Approval,
    Consent,
    Core,
    Mandate,
    Purpose,
    Verdict,
    approval_message,
)
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
from signer.checkpoint import note_text
from signer.statements import Attestation, Notice, OpenedVault, Status

_E = TypeVar("_E", bound=StrEnum)

VERSION = 2
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
BATCH_MAX = 256
CONSENTS_MAX = 64
"""Transfers that one transaction may carry."""
PAYLOAD_BYTES_MAX = 1024 * 1024
"""Of an unsigned transaction. The journal keeps it whole, and one record must fit one message."""
SET_BYTES_MAX = 3 * 1024 * 1024
"""Of mandates and transaction in one request. All their records must fit one message."""
SIGNATURES_MAX = 4096
_TX_DOMAIN = b"custody-wallet/transaction/v1\n"


class RefusalCode(StrEnum):
    """Why the signer signed nothing. `Refusal.detail` narrows it; both are stable."""

    MALFORMED = "malformed"
    """The request or the transaction cannot be read."""
    UNAUTHENTICATED = "unauthenticated"
    MISMATCH = "mismatch"
    """The transaction does something else than the mandates say."""
    UNEXPLAINED = "unexplained"
    """The transaction contains something the codec has no words for."""
    DENIED = "denied"
    """The policy says no, or says nothing."""
    NEEDS_APPROVALS = "needs-approvals"
    EXPIRED = "expired"
    NOT_YET = "not-yet"
    """A time lock is running, or the mandate is of a time that has not come."""
    BASIS = "basis"
    """The mandate rests on rules that are not in force any more. Offer a new version."""
    CONFLICT = "conflict"
    """Another transaction was signed for one of the transfers, and both could confirm. Or this one
    was signed for other transfers."""
    UNKNOWN_VAULT = "unknown-vault"
    LOCKED = "locked"
    UNAVAILABLE = "unavailable"


def tx_digest(tx: UnsignedTx) -> bytes:
    """Names an unsigned transaction: SHA-256 over a domain tag, one line of JSON with network and
    sender, and the payload. That is all that a codec reads."""
    return sha256(
        _TX_DOMAIN + canonical_json([tx.network, tx.sender]) + b"\n" + tx.payload
    ).digest()


@dataclass(frozen=True, slots=True)
class SignRequest:
    """One transaction, and every transfer that it carries or cancels, each in one version. All of
    it is signed, or nothing. A cancel shows versions that were signed for, without approvals."""

    purpose: Purpose
    tx: UnsignedTx
    consents: tuple[Consent, ...]

    @property
    def transfers(self) -> tuple[str, ...]:
        return tuple(consent.mandate.core.transfer for consent in self.consents)

    def to_json(self) -> dict[str, Any]:
        return {
            "purpose": self.purpose.value,
            "tx": _tx_to_json(self.tx),
            "consents": [consent.to_json() for consent in self.consents],
        }

    @classmethod
    def parse(cls, row: object) -> SignRequest:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, _REQUEST_FIELDS)
        consents = listed(fields["consents"], maximum=CONSENTS_MAX)
        if not consents:
            raise MalformedMessage("consents")
        return cls(
            purpose=_enum(Purpose, fields["purpose"]),
            tx=_parse_tx(fields["tx"]),
            consents=tuple(Consent.parse(item) for item in consents),
        )


_REQUEST_FIELDS = frozenset("purpose tx consents".split())
_TX_FIELDS = frozenset("network payload sender".split())


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record is in the signer's log: its number, and its leaf in the tree."""

    sequence: int
    leaf: int

    def to_json(self) -> list[int]:
        return [self.sequence, self.leaf]

    @classmethod
    def parse(cls, row: object) -> Place:
        """From decoded JSON. Raises MalformedMessage."""
        pair = listed(row, maximum=2)
        if len(pair) != 2:
            raise MalformedMessage("place")
        return cls(integer(pair[0]), integer(pair[1]))


@dataclass(frozen=True, slots=True)
class Receipt:
    """Proof of one signing. For each transfer, in one order: its id, the digest of the mandate that
    was recorded, and the record's place. `signatures`: in the order of the codec's
    `signing_inputs`. `head`: of the last record. Custody keeps the newest head; with it a signer
    that was restored from an older backup is found out. `checkpoint`: the signed note (C2SP) of the
    log when the receipt was given out. It covers those records; a repetition may show a later
    one."""

    purpose: Purpose
    transfers: tuple[str, ...]
    mandates: tuple[bytes, ...]
    tx_digest: bytes
    signatures: tuple[Signature, ...]
    records: tuple[Place, ...]
    head: bytes
    checkpoint: str
    signed_at: datetime

    @property
    def sequence(self) -> int:
        """Of the last record, whose head is `head`."""
        return self.records[-1].sequence

    def to_json(self) -> dict[str, Any]:
        return {
            "purpose": self.purpose.value,
            "transfers": list(self.transfers),
            "mandates": [digest.hex() for digest in self.mandates],
            "tx_digest": self.tx_digest.hex(),
            "signatures": [
                {"public_key": s.public_key.hex(), "signature": s.signature.hex()}
                for s in self.signatures
            ],
            "records": [place.to_json() for place in self.records],
            "head": self.head.hex(),
            "checkpoint": self.checkpoint,
            "signed_at": format_time(self.signed_at),
        }

    @classmethod
    def parse(cls, row: object) -> Receipt:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, _RECEIPT_FIELDS)
        each = [listed(fields[name], maximum=CONSENTS_MAX) for name in _PER_TRANSFER]
        if not each[0] or len({len(values) for values in each}) != 1:
            raise MalformedMessage("a record and a mandate for each transfer")
        signatures = listed(fields["signatures"], maximum=SIGNATURES_MAX)
        return cls(
            purpose=_enum(Purpose, fields["purpose"]),
            transfers=tuple(identifier(item) for item in each[0]),
            mandates=tuple(octets(item, 32) for item in each[1]),
            tx_digest=octets(fields["tx_digest"], 32),
            signatures=tuple(_signature(item) for item in signatures),
            records=tuple(Place.parse(item) for item in each[2]),
            head=octets(fields["head"], 32),
            checkpoint=note_text(fields["checkpoint"]),
            signed_at=parse_time(fields["signed_at"]),
        )


_PER_TRANSFER = ("transfers", "mandates", "records")
_RECEIPT_FIELDS = frozenset(
    "purpose transfers mandates tx_digest signatures records head checkpoint signed_at".split()
)


@dataclass(frozen=True, slots=True)
class Need:
    """Approvals still missing: `count` more persons of `group`."""

    group: str
    count: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """`transfer`: the one that is in the way; the others can go without it. None if it is the whole
    request. `detail`: a stable word below `code`, e.g. mismatch/amount. `message`: for people."""

    transfer: str | None
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
        transfer = fields["transfer"]
        return cls(
            transfer=None if transfer is None else identifier(transfer),
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


@dataclass(frozen=True, slots=True)
class Agreed:
    """The answer about a consent that comes without a transaction: now, `rule` allows the mandate.
    It promises nothing: the mandate is judged again when a transaction comes."""

    transfer: str
    mandate: bytes
    rule: str

    def to_json(self) -> dict[str, Any]:
        return {"transfer": self.transfer, "mandate": self.mandate.hex(), "rule": self.rule}

    @classmethod
    def parse(cls, row: object) -> Agreed:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, frozenset({"transfer", "mandate", "rule"}))
        return cls(
            identifier(fields["transfer"]),
            octets(fields["mandate"], 32),
            identifier(fields["rule"]),
        )


Opinion = Agreed | Refusal


def opinion_to_json(opinion: Opinion) -> dict[str, Any]:
    return {"agreed" if isinstance(opinion, Agreed) else "refusal": opinion.to_json()}


def parse_opinion(row: object) -> Opinion:
    """From decoded JSON. Raises MalformedMessage."""
    if isinstance(row, Mapping) and row.keys() == {"agreed"}:
        return Agreed.parse(row["agreed"])
    return Refusal.parse(exact_fields(row, frozenset({"refusal"}))["refusal"])


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
    "CONSENTS_MAX",
    "MESSAGE_BYTES_MAX",
    "PAYLOAD_BYTES_MAX",
    "SET_BYTES_MAX",
    "SIGNATURES_MAX",
    "VERSION",
    "Action",
    "Agreed",
    "Approval",
    "Attestation",
    "Consent",
    "Core",
    "MalformedMessage",
    "Mandate",
    "Need",
    "Notice",
    "OpenedVault",
    "Opinion",
    "Outcome",
    "Place",
    "Purpose",
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
    "opinion_to_json",
    "outcome_to_json",
    "parse_json",
    "parse_opinion",
    "parse_outcome",
    "parse_time",
    "read_json",
    "read_strict_json",
    "text",
    "tx_digest",
]
