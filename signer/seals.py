"""Seals: the log key's signature under the newest head, checkable by anybody who pinned the key."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signer.errors import JournalDamaged

_DOMAIN = b"custody-wallet/seal/v1\n"


def seal_message(sequence: int, head: bytes) -> bytes:
    """What the log key signs."""
    return _DOMAIN + sequence.to_bytes(8, "big") + head


def check_seal(log_key: bytes, sequence: int, head: bytes, seal: bytes) -> None:
    """Raises JournalDamaged unless the owner of `log_key` sealed exactly this record's head."""
    try:
        Ed25519PublicKey.from_public_bytes(log_key).verify(seal, seal_message(sequence, head))
    except (InvalidSignature, ValueError) as error:
        raise JournalDamaged(f"the seal under record {sequence} is not by the log key") from error
