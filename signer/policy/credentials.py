"""How somebody proves who they are: credentials, each of a named kind. Pure.

A person or an administrator has one credential or more, and a signature under any of them is
theirs. One kind is built, `ed25519`. A `passkey` has its place in the format and is read strictly,
so that a document which has one is refused for that reason and for no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signer.policy import fields as read
from signer.policy.fields import InvalidPolicy
from signer.wire import identifier, octets

_PASSKEY_KEY_BYTES: Final = {"ES256": 65, "EdDSA": 32}
"""COSE algorithms (RFC 9053) and how long their public keys are: SEC 1 uncompressed, RFC 8032."""
_DOMAIN: Final = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII)


class CredentialKind(StrEnum):
    ED25519 = "ed25519"
    PASSKEY = "passkey"


class NotSigned(ValueError):
    """The signature is under none of somebody's credentials."""


@dataclass(frozen=True, slots=True)
class Credential:
    """An Ed25519 public key, 32 bytes."""

    key: bytes

    def to_json(self) -> dict[str, Any]:
        return {"kind": CredentialKind.ED25519.value, "key": self.key.hex()}

    @classmethod
    def parse(cls, row: object) -> Credential:
        """From decoded JSON. Raises InvalidPolicy, MalformedMessage."""
        kind = row.get("kind") if isinstance(row, dict) else None
        if kind == CredentialKind.PASSKEY:
            _check_passkey(row)
            raise InvalidPolicy("a passkey counts for nothing yet: name a key of kind ed25519")
        if kind != CredentialKind.ED25519:
            raise InvalidPolicy(f"a credential's kind is one of {', '.join(CredentialKind)}")
        return cls(read.ed25519_key(read.fields(row, "kind key")["key"]))


def parse_credentials(value: object) -> tuple[Credential, ...]:
    """At least one. Raises InvalidPolicy, MalformedMessage."""
    found = tuple(Credential.parse(row) for row in read.rows(value))
    if not found:
        raise InvalidPolicy("no credential")
    return found


def check_signed(credentials: Iterable[Credential], signature: bytes, message: bytes) -> None:
    """That one of `credentials` signed `message`. Raises NotSigned."""
    for credential in credentials:
        try:
            Ed25519PublicKey.from_public_bytes(credential.key).verify(signature, message)
        except InvalidSignature:
            continue
        return
    raise NotSigned("under none of the credentials")


def _check_passkey(row: object) -> None:
    """WebAuthn: whose key it is, and for which site its authenticator signs. Raises InvalidPolicy,
    MalformedMessage."""
    passkey = read.fields(row, "kind algorithm key rp_id origin")
    length = _PASSKEY_KEY_BYTES.get(identifier(passkey["algorithm"]))
    if length is None:
        raise InvalidPolicy(f"a passkey's algorithm is one of {', '.join(_PASSKEY_KEY_BYTES)}")
    octets(passkey["key"], length)
    site, origin = identifier(passkey["rp_id"]), identifier(passkey["origin"])
    if _DOMAIN.fullmatch(site) is None:
        raise InvalidPolicy("a passkey's rp_id is a domain in lower case")
    scheme, _, host = origin.partition("://")
    name = host.partition(":")[0]
    if scheme != "https" or not (name == site or name.endswith(f".{site}")):
        raise InvalidPolicy("a passkey's origin is https:// and a host of its rp_id")
