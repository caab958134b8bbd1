"""A proof that a record is in the log, as a file that needs nothing else: C2SP tlog-proof.

It holds the place of the leaf, the path to the root, and the checkpoint that signs the root. The
record's own bytes go with it as extra data, which the checker hashes: what it says of itself counts
for nothing. Public: knows no secret and no journal.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from typing import Final

from signer.canonical import MalformedMessage
from signer.checkpoint import Checkpoint, decode_base64, open_checkpoint
from signer.tree import HASH_BYTES, ProofInvalid, check_inclusion, leaf_hash

_FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
_PATH_MAX: Final = 64
_INDEX_DIGITS_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Proof:
    """Leaf `index` of the log that `checkpoint` (a signed note) speaks of. `path`: from the leaf's
    sibling up. `record`: the leaf's own bytes, empty if they are handed over otherwise."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    record: bytes = b""

    def text(self) -> str:
        lines = [_FIRST_LINE]
        if self.record:
            lines.append(f"extra {_base64(self.record)}")
        lines += [f"index {self.index}", *map(_base64, self.path), "", self.checkpoint]
        return "\n".join(lines)

    def check(self, leaf: bytes, log_key: bytes) -> Checkpoint:
        """That the leaf with this hash is in the log of `log_key`; says what signs it. Raises
        ProofInvalid."""
        try:
            signed = open_checkpoint(self.checkpoint, log_key)
        except MalformedMessage as error:
            raise ProofInvalid(f"the checkpoint: {error}") from error
        check_inclusion(leaf, self.index, signed.size, self.path, signed.root)
        return signed

    def check_record(self, log_key: bytes) -> Checkpoint:
        """As `check`, of the record that came with it. Raises ProofInvalid."""
        if not self.record:
            raise ProofInvalid("the proof came without its record")
        return self.check(leaf_hash(self.record), log_key)

    @classmethod
    def parse(cls, proof: str) -> Proof:
        """Raises MalformedMessage; verifies nothing."""
        head, blank, checkpoint = proof.partition("\n\n")
        first, *lines = head.split("\n")
        if first != _FIRST_LINE or not blank or not lines:
            raise MalformedMessage("no proof")
        extra = lines.pop(0).removeprefix("extra ") if lines[0].startswith("extra ") else ""
        if not lines or len(lines) > _PATH_MAX + 1:
            raise MalformedMessage("no proof")
        path = tuple(decode_base64(line, HASH_BYTES) for line in lines[1:])
        return cls(_index(lines[0]), path, checkpoint, _decoded(extra))


def _index(line: str) -> int:
    digits = line.removeprefix("index ")
    plain = digits.isascii() and digits.isdigit() and len(digits) <= _INDEX_DIGITS_MAX
    if digits == line or not plain or (digits != "0" and digits.startswith("0")):
        raise MalformedMessage("index")
    return int(digits)


def _decoded(extra: str) -> bytes:
    try:
        return b64decode(extra, validate=True)
    except (NotBase64, ValueError) as error:
        raise MalformedMessage("base64") from error


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
