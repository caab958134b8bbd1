"""What the signer states about itself and its addresses. Public through `wire.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from signer.canonical import canonical_json
from signer.checkpoint import note_text
from signer.reading import (
    Account,
    Form,
    Hash,
    Identifier,
    Many,
    Message,
    Network,
    Octets,
    Prose,
    Signed,
    Words,
)

_ATTESTATION_DOMAIN: Final = b"custody-wallet/attestation/v1\n"
_WARNINGS_MAX: Final = 64
STOPPED: Final = "stopped"
"""Code of the notice that an emergency stop is in force."""
Note = Annotated[str, Form(note_text, str)]
"""A signed note (C2SP), or none."""


@dataclass(frozen=True, slots=True)
class Attestation(Message):
    """The signer's word that `address` is ours: Ed25519 by its attestation key over canonical
    (network, vault, path, address). Clients pin the key, not our server."""

    network: Network
    vault: Identifier
    path: Identifier
    address: Account
    signature: Signed

    def message(self) -> bytes:
        """What the attestation key signs."""
        fields = {name: said for name, said in self.to_json().items() if name != "signature"}
        return _ATTESTATION_DOMAIN + canonical_json(fields)


@dataclass(frozen=True, slots=True)
class OpenedVault(Message):
    """The account number that the signer gave a vault, and the record that says so: number and head
    are proof of it, as a receipt's are."""

    account: int
    sequence: int
    head: Hash


@dataclass(frozen=True, slots=True)
class Notice(Message):
    """Something that an operator should mend. `code` is stable, `message` is for people."""

    code: Words
    message: Prose


@dataclass(frozen=True, slots=True)
class Status(Message):
    """`attestation_key`, `log_key`: Ed25519 public keys to pin, empty while locked. `head` and
    `sequence`: the newest record of the audit log. `checkpoint`: the signed note under it (C2SP),
    empty before the first record; `verifier_key`: what other tools check it with (vkey), and its
    name is the log's origin. Both are empty while locked. `policy_version` is 0 before the first
    policy. `warnings`: what an operator should mend, each code once. `strangers`: how many callers
    who are not listed were turned away since the process began."""

    locked: bool
    policy_version: int
    sequence: int
    head: Octets
    attestation_key: Octets
    warnings: Annotated[tuple[Notice, ...], Many(_WARNINGS_MAX)]
    log_key: Octets = b""
    verifier_key: Note = ""
    checkpoint: Note = ""
    strangers: int = 0

    @property
    def is_stopped(self) -> bool:
        """Whether an administrator has stopped it: one of the warnings says by whom and why."""
        return any(each.code == STOPPED for each in self.warnings)
