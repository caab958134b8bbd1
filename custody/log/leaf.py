"""What a leaf of the log says: that something of a kind, with a name, has a digest. Pure.

Its bytes are canonical JSON with a version and 16 random bytes, so that nobody finds out from a
published hash what was logged by trying. Who is shown a leaf's bytes can check them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from signer.wire import canonical_json

FORMAT: Final = 1
SALT_BYTES: Final = 16


class Kind(StrEnum):
    """What is logged, and what its digest is of. Kinds are added; none changes its meaning."""

    CONTINUES = "continues"
    """The log before this one; only as the first leaf. Digest: SHA-256 of the text of the last
    checkpoint known of it. Name: its origin and size."""
    POLICY = "policy"
    """A policy's document. Name: its digest again, because two may have one version."""
    SIGNER_CHECKPOINT = "signer_checkpoint"
    """SHA-256 of a checkpoint's text. Name: the origin of the signer's log and the size."""
    LEDGER_HEAD = "ledger_head"
    """The ledger's chain at a position, which is the name."""
    EVIDENCE = "evidence"
    """The manifest of a bundle. Name: its digest again."""
    RESERVES = "reserves"
    """The root of a snapshot of reserves or liabilities."""
    RELEASE = "release"
    """A version of this program. Name: the version."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """`digest`: 32 bytes."""

    kind: str
    name: str
    digest: bytes
    salt: bytes

    @property
    def data(self) -> bytes:
        """The bytes whose hash (RFC 6962) is in the tree."""
        said = {
            "format": FORMAT,
            "kind": self.kind,
            "name": self.name,
            "digest": self.digest.hex(),
            "salt": self.salt.hex(),
        }
        return canonical_json(said)


def text_digest(text: bytes) -> bytes:
    """Of a checkpoint's text, without signatures: who signs it as well changes nothing."""
    return sha256(text).digest()
