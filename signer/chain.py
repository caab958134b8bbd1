"""How far a log goes, and what the next record makes of it. Pure: journal and audit log alike.

A record's head is SHA-256 over the head before it, its number and its leaf hash, so that each names
all before it. Beside that chain stands the tree (`signer.tree`): leaf n is the n-th record of its
origin. Records are numbered from 1. A recovery that lost records leaves out the numbers that others
may hold receipts for, and begins a new origin, since what the old one promised can't be continued.
The new origin is named by the leaf hash of its first record, which has a random salt: so two
recoveries of one backup don't share an origin. That record says where the old one ended and what is
missing; with it the newest checkpoint vouches for every record there is.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final, NamedTuple

from signer.canonical import MalformedMessage, integer, parse_json
from signer.checkpoint import Checkpoint, open_checkpoint
from signer.errors import JournalDamaged
from signer.tree import Frontier, ProofInvalid, leaf_hash

GENESIS: Final = bytes(32)
RECOVERED: Final = "recovered"
"""The kind of record that begins an origin."""
_RECORD_DOMAIN: Final = b"custody-wallet/journal/v2\n"
_ORIGIN: Final = "custody-wallet/log"
"""How every origin begins. What the log key signs begins with its own purpose."""
_NAME_BYTES: Final = 8
_EMPTY: Final = Frontier()


class Record(NamedTuple):
    """`body` is the decoded JSON object."""

    sequence: int
    head: bytes
    body: dict[str, Any]


class End(NamedTuple):
    """The newest record's number and head; the origin that it belongs to, and that origin's tree.
    `sequence` is 0 before the first record."""

    sequence: int
    head: bytes
    origin: str
    tree: Frontier

    @property
    def first(self) -> int:
        """The number of the origin's first record, leaf 0."""
        return self.sequence - self.tree.size + 1

    def checkpoint(self) -> Checkpoint:
        """What is signed for it."""
        return Checkpoint(self.origin, self.tree.size, self.tree.root())

    def next(self, sequence: int, data: bytes, kind: str) -> tuple[End, bytes]:
        """After the record with this number, canonical bytes and kind; and the nodes of the tree
        that it completes, its own leaf first. Raises JournalDamaged if it does not follow."""
        leaf = leaf_hash(data)
        if kind == RECOVERED:
            self._check_recovery(sequence, data)
            origin, tree = f"{_log_of(self.origin)}/{sequence}-{leaf[:_NAME_BYTES].hex()}", _EMPTY
        else:
            origin, tree = self.origin, self.tree
            if sequence != self.sequence + 1:
                raise _missing(self.sequence, sequence)
        tree, nodes = tree.grown(leaf)
        return End(sequence, next_head(self.head, sequence, leaf), origin, tree), nodes

    def _check_recovery(self, sequence: int, data: bytes) -> None:
        """It must say what is here, and by how much its own number jumps."""
        try:
            body = parse_json(data)
            through = integer(body["through"])
            ended = (body["after"], body["log"]) == (self.sequence, self.told())
        except (MalformedMessage, KeyError, TypeError) as error:
            raise JournalDamaged(f"record {sequence} does not say what was lost") from error
        if not ended or sequence != max(self.sequence, through) + 1:
            raise _missing(self.sequence, sequence)

    def told(self) -> dict[str, Any]:
        """What a recovery says of the origin that it ends."""
        return {
            "origin": self.origin,
            "size": self.tree.size,
            "root": self.tree.root().hex(),
            "head": self.head.hex(),
        }


def beginning(log_key: bytes) -> End:
    """Of the log that this key seals, before its first record. The first origin is the key's alone:
    a second log under it is one that promised something else."""
    return End(0, GENESIS, f"{_ORIGIN}/{log_key[:_NAME_BYTES].hex()}/1", _EMPTY)


def check_seal(log_key: bytes, end: End, note: str) -> None:
    """Raises JournalDamaged unless the owner of `log_key` signed a checkpoint of exactly this."""
    try:
        sealed = open_checkpoint(note, log_key)
    except (MalformedMessage, ProofInvalid) as error:
        raise JournalDamaged(f"the seal under record {end.sequence}: {error}") from error
    if sealed != end.checkpoint():
        raise JournalDamaged(f"the seal under record {end.sequence} is for other records")


def next_head(head: bytes, sequence: int, leaf: bytes) -> bytes:
    """What record `sequence` with this leaf hash makes of the head before it."""
    return sha256(_RECORD_DOMAIN + head + sequence.to_bytes(8, "big") + leaf).digest()


def _missing(after: int, before: int) -> JournalDamaged:
    return JournalDamaged(f"records between {after} and {before} are missing")


def _log_of(origin: str) -> str:
    """What all origins of one key share."""
    return origin.rpartition("/")[0]
