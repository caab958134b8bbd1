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
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeVar

import rfc8785

from chains.model import Address, AssetId, NetworkId, Payment, Signature, UnsignedTx

_E = TypeVar("_E", bound=StrEnum)

VERSION = 1
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
BATCH_MAX = 256
_MANDATE_DOMAIN = b"custody-wallet/mandate/v1\n"
_APPROVAL_DOMAIN = b"custody-wallet/approval/v1\n"
_REJECTION_DOMAIN = b"custody-wallet/rejection/v1\n"


class MalformedMessage(ValueError):
    """Not a message of this version in canonical form."""


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
    outputs: tuple[Payment, ...]
    fee_max: int
    policy_version: int
    requested_at: datetime
    expires_at: datetime

    def canonical(self) -> bytes:
        """RFC 8785 bytes: the document an approver is shown and signs."""
        return rfc8785.dumps(
            {
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
        )

    def digest(self) -> bytes:
        """SHA-256 over a domain tag and the canonical bytes."""
        return sha256(_MANDATE_DOMAIN + self.canonical()).digest()

    @classmethod
    def parse(cls, row: Mapping[str, Any]) -> Mandate:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, _MANDATE_FIELDS)
        if fields["version"] != VERSION:
            raise MalformedMessage("mandate version")
        outputs = fields["outputs"]
        if not isinstance(outputs, list) or not outputs:
            raise MalformedMessage("outputs")
        source_address = fields["source_address"]
        return cls(
            transfer=text(fields["transfer"]),
            client=text(fields["client"]),
            vault=text(fields["vault"]),
            network=NetworkId(text(fields["network"])),
            action=_enum(Action, fields["action"]),
            initiator=text(fields["initiator"]),
            source_path=text(fields["source_path"]),
            source_address=None if source_address is None else Address(text(source_address)),
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
        return cls(text(fields["approver"]), octets(fields["signature"], 64))


@dataclass(frozen=True, slots=True)
class SignRequest:
    mandate: Mandate
    tx: UnsignedTx
    approvals: tuple[Approval, ...] = ()


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


Outcome = Receipt | Refusal


@dataclass(frozen=True, slots=True)
class Attestation:
    """The signer's word that `address` is ours: Ed25519 by its attestation key over canonical
    (network, vault, path, address). Clients pin the key, not our server."""

    network: NetworkId
    vault: str
    path: str
    address: Address
    signature: bytes


@dataclass(frozen=True, slots=True)
class Status:
    """`attestation_key`, `log_key`: Ed25519 public keys to pin. `warnings`: e.g. memory not
    locked."""

    locked: bool
    policy_version: int
    sequence: int
    head: bytes
    attestation_key: bytes
    warnings: tuple[str, ...]


def format_time(moment: datetime) -> str:
    """RFC 3339, UTC, whole seconds. Asserts that `moment` is aware and has no fraction."""
    assert moment.tzinfo is not None and moment.microsecond == 0
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(value: object) -> datetime:
    try:
        moment = datetime.strptime(text(value), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise MalformedMessage("time") from error
    if format_time(moment) != value:
        raise MalformedMessage("time")
    return moment


def exact_fields(row: object, names: frozenset[str]) -> Mapping[str, Any]:
    """`row` if it is an object with exactly these fields."""
    if not isinstance(row, Mapping) or row.keys() != names:
        raise MalformedMessage(f"fields must be exactly {', '.join(sorted(names))}")
    return row


def text(value: object, *, maximum: int = 512) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= maximum:
        raise MalformedMessage("text")
    return value


def integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise MalformedMessage("integer")
    return value


def amount(value: object) -> int:
    """A canonical decimal string of a non-negative integer below 2**256."""
    digits = text(value, maximum=78)
    if not (digits.isascii() and digits.isdigit()) or (digits[0] == "0" and digits != "0"):
        raise MalformedMessage("amount")
    number = int(digits)
    if number >= 2**256:
        raise MalformedMessage("amount")
    return number


def octets(value: object, length: int | None = None) -> bytes:
    """Lower-case hex to bytes."""
    if not isinstance(value, str):
        raise MalformedMessage("hex")
    try:
        data = bytes.fromhex(value)
    except ValueError as error:
        raise MalformedMessage("hex") from error
    if data.hex() != value or (length is not None and len(data) != length):
        raise MalformedMessage("hex")
    return data


def _payment(row: object) -> Payment:
    fields = exact_fields(row, frozenset({"address", "asset", "amount"}))
    return Payment(
        Address(text(fields["address"])), AssetId(text(fields["asset"])), amount(fields["amount"])
    )


def _enum(kind: type[_E], value: object) -> _E:
    try:
        return kind(text(value))
    except ValueError as error:
        raise MalformedMessage(kind.__name__) from error
