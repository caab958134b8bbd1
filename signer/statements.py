"""What the signer states about itself and its addresses. Public through `wire.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from chains.model import Address, NetworkId
from signer.canonical import (
    boolean,
    canonical_json,
    exact_fields,
    identifier,
    integer,
    listed,
    octets,
    text,
)
from signer.checkpoint import note_text

_ATTESTATION_DOMAIN: Final = b"custody-wallet/attestation/v1\n"


@dataclass(frozen=True, slots=True)
class Attestation:
    """The signer's word that `address` is ours: Ed25519 by its attestation key over canonical
    (network, vault, path, address). Clients pin the key, not our server."""

    network: NetworkId
    vault: str
    path: str
    address: Address
    signature: bytes

    def message(self) -> bytes:
        """What the attestation key signs."""
        fields = {name: self.to_json()[name] for name in ("network", "vault", "path", "address")}
        return _ATTESTATION_DOMAIN + canonical_json(fields)

    def to_json(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "vault": self.vault,
            "path": self.path,
            "address": self.address,
            "signature": self.signature.hex(),
        }

    @classmethod
    def parse(cls, row: object) -> Attestation:
        """From decoded JSON. Raises MalformedMessage; verifies nothing."""
        fields = exact_fields(row, frozenset("network vault path address signature".split()))
        return cls(
            network=NetworkId(identifier(fields["network"])),
            vault=identifier(fields["vault"]),
            path=identifier(fields["path"]),
            address=Address(identifier(fields["address"])),
            signature=octets(fields["signature"], 64),
        )


@dataclass(frozen=True, slots=True)
class OpenedVault:
    """The account number that the signer gave a vault, and the record that says so: number and head
    are proof of it, as a receipt's are."""

    account: int
    sequence: int
    head: bytes

    def to_json(self) -> dict[str, Any]:
        return {"account": self.account, "sequence": self.sequence, "head": self.head.hex()}

    @classmethod
    def parse(cls, row: object) -> OpenedVault:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, frozenset({"account", "sequence", "head"}))
        return cls(
            integer(fields["account"]), integer(fields["sequence"]), octets(fields["head"], 32)
        )


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that an operator should mend. `code` is stable, `message` is for people."""

    code: str
    message: str

    def to_json(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message}

    @classmethod
    def parse(cls, row: object) -> Notice:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, frozenset({"code", "message"}))
        return cls(text(fields["code"]), text(fields["message"], maximum=4096))


@dataclass(frozen=True, slots=True)
class Status:
    """`attestation_key`, `log_key`: Ed25519 public keys to pin, empty while locked. `head` and
    `sequence`: the newest record of the audit log. `checkpoint`: the signed note under it (C2SP),
    empty before the first record; `verifier_key`: what other tools check it with (vkey), and its
    name is the log's origin. Both are empty while locked. `policy_version` is 0 before the first
    policy. `warnings`: what an operator should mend, each code once. `strangers`: how many callers
    who are not listed were turned away since the process began."""

    locked: bool
    policy_version: int
    sequence: int
    head: bytes
    attestation_key: bytes
    warnings: tuple[Notice, ...]
    log_key: bytes = b""
    verifier_key: str = ""
    checkpoint: str = ""
    strangers: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "locked": self.locked,
            "policy_version": self.policy_version,
            "sequence": self.sequence,
            "head": self.head.hex(),
            "attestation_key": self.attestation_key.hex(),
            "warnings": [warning.to_json() for warning in self.warnings],
            "log_key": self.log_key.hex(),
            "verifier_key": self.verifier_key,
            "checkpoint": self.checkpoint,
            "strangers": self.strangers,
        }

    @classmethod
    def parse(cls, row: object) -> Status:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, _STATUS_FIELDS)
        return cls(
            locked=boolean(fields["locked"]),
            policy_version=integer(fields["policy_version"]),
            sequence=integer(fields["sequence"]),
            head=octets(fields["head"]),
            attestation_key=octets(fields["attestation_key"]),
            warnings=tuple(Notice.parse(item) for item in listed(fields["warnings"], maximum=64)),
            log_key=octets(fields["log_key"]),
            verifier_key=note_text(fields["verifier_key"]),
            checkpoint=note_text(fields["checkpoint"]),
            strangers=integer(fields["strangers"]),
        )


_STATUS_FIELDS = frozenset(
    "locked policy_version sequence head attestation_key warnings log_key verifier_key checkpoint"
    " strangers".split()
)
