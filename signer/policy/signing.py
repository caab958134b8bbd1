"""Who says so: the policy document with its administrators' signatures. Pure.

The first version is signed by the administrators pinned in the signer, each later one by those
whom the version before it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from signer.policy.credentials import NotSigned, check_signed
from signer.policy.document import Administrators, Policy
from signer.wire import MalformedMessage, exact_fields, identifier, octets

_DOMAIN: Final = b"custody-wallet/policy/v1\n"


class PolicyUnsigned(ValueError):
    """The document is not signed by a quorum of the administrators who may sign it."""


@dataclass(frozen=True, slots=True)
class SignedPolicy:
    """`signatures`: administrator id to 64-byte Ed25519 over `policy_message(document)`."""

    document: bytes
    signatures: Mapping[str, bytes]

    def to_json(self) -> dict[str, Any]:
        signatures = {name: signature.hex() for name, signature in self.signatures.items()}
        return {"document": self.document.decode(), "signatures": signatures}

    @classmethod
    def parse(cls, row: object) -> SignedPolicy:
        """From decoded JSON. Raises MalformedMessage."""
        fields = exact_fields(row, frozenset({"document", "signatures"}))
        document, signatures = fields["document"], fields["signatures"]
        if not isinstance(document, str) or not isinstance(signatures, dict):
            raise MalformedMessage("signed policy")
        try:
            encoded = document.encode()
        except UnicodeEncodeError as error:
            raise MalformedMessage("document") from error
        return cls(encoded, {identifier(name): octets(s, 64) for name, s in signatures.items()})


def policy_message(document: bytes) -> bytes:
    """What an administrator's credential signs."""
    return _DOMAIN + document


def verify_policy(signed: SignedPolicy, administrators: Administrators) -> Policy:
    """The policy, if a quorum signed it. Raises PolicyUnsigned, InvalidPolicy."""
    check_quorum(signed, administrators)
    return Policy.parse(signed.document)


def check_quorum(signed: SignedPolicy, administrators: Administrators) -> None:
    """At least the quorum of `administrators` signed exactly these bytes, whatever they say.

    One signature that is wrong, or by anybody else, refuses the document: somebody tampered.
    Raises PolicyUnsigned.
    """
    message = policy_message(signed.document)
    for name, signature in signed.signatures.items():
        if name not in administrators.members:
            raise PolicyUnsigned(f"{name} is not an administrator")
        try:
            check_signed(administrators.members[name], signature, message)
        except NotSigned as error:
            raise PolicyUnsigned(f"the signature of {name} does not verify") from error
    if len(signed.signatures) < administrators.threshold:
        raise PolicyUnsigned(
            f"{administrators.threshold} signatures needed, {len(signed.signatures)} given"
        )
