"""A witness's word under a checkpoint: C2SP tlog-cosignature, Ed25519 with a time. Pure.

It says: at this time, this was the largest tree of this origin that I saw, and it continued every
one before it.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from signer.checkpoint import Checkpoint, decode_base64
from signer.tree import ProofInvalid
from signer.wire import MalformedMessage

_TYPE: Final = b"\x04"
_MARK_BYTES: Final = 4 + 8 + 64
_TIME_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class WitnessKey:
    name: str
    public: bytes

    @classmethod
    def parse(cls, vkey: str) -> WitnessKey:
        """C2SP signed-note, "Verifier keys", of type 4. Raises MalformedMessage."""
        name, id_, encoded = [*vkey.split("+", 2), "", ""][:3]
        key = decode_base64(encoded, 33)
        found = cls(name, key[1:])
        named = name.isascii() and name.isprintable() and name and " " not in name
        if not named or key[:1] != _TYPE or found.id.hex() != id_:
            raise MalformedMessage("not a witness's verifier key (vkey) of Ed25519 (type 4)")
        return found

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + _TYPE + self.public).digest()[:4]

    @property
    def verifier_key(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(_TYPE + self.public).decode()}"

    def check(self, line: str, checkpoint: Checkpoint) -> int | None:
        """When it said so, in seconds since 1970; None for a line that is another key's. Raises
        ProofInvalid if the line is ours and not what it should be."""
        mark = self._mark(line)
        if mark is None:
            return None
        seconds = int.from_bytes(mark[4:12], "big")
        if not 0 < seconds <= _TIME_MAX:
            raise ProofInvalid(f"{self.name} signed in no form that is known here")
        try:
            key = Ed25519PublicKey.from_public_bytes(self.public)
            key.verify(mark[12:], signed_text(checkpoint, seconds))
        except (InvalidSignature, ValueError) as error:
            raise ProofInvalid(f"the cosignature is not by {self.name}") from error
        return seconds

    def _mark(self, line: str) -> bytes | None:
        match line.split(" "):
            case ["—", name, encoded] if name == self.name:
                try:
                    mark = decode_base64(encoded, _MARK_BYTES)
                except MalformedMessage:
                    return None
                return mark if mark[:4] == self.id else None
        return None


def signed_text(checkpoint: Checkpoint, seconds: int) -> bytes:
    return b"cosignature/v1\ntime %d\n" % seconds + checkpoint.text()
