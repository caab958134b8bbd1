"""Logs, the signer's and the house's: that a leaf is in one, by a file that needs nothing else.

RFC 6962 (also RFC 9162) inclusion, C2SP signed-note, tlog-checkpoint, tlog-cosignature and
tlog-proof. A leaf's own bytes go with its proof as extra data, which is hashed here: what it says
of itself counts for nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

from custody_verify.errors import Refuted, Unreadable, refute, reject
from custody_verify.keys import check_ed25519
from custody_verify.strict import base64, parse_jcs

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
_NAME: Final = re.compile(r"[!-*,-~]{1,255}")
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_ED25519: Final = b"\x01"
COSIGNATURE: Final = b"\x04"
_SIGNATURES_MAX: Final = 64


class LogKey(NamedTuple):
    """Of a vkey: `name` is the origin of the log when it was written down. A recovery begins
    another origin under the same key, which shares all of the name but its end."""

    name: str
    key: bytes

    @classmethod
    def parse(cls, vkey: str, kind: bytes = _ED25519) -> LogKey:
        """C2SP signed-note, "Verifier keys"; a witness's has the kind COSIGNATURE. Raises
        Unreadable."""
        name, id_, encoded = [*vkey.split("+", 2), "", ""][:3]
        key = base64(encoded, 33)
        if not _NAME.fullmatch(name) or key[:1] != kind or key_id(name, key[1:], kind).hex() != id_:
            raise Unreadable(f"not a verifier key (vkey) of Ed25519, type {kind.hex()}")
        return cls(name, key[1:])

    def is_of(self, origin: str) -> bool:
        return origin == self.name or origin.rpartition("/")[0] == self.name.rpartition("/")[0] > ""


def key_id(name: str, key: bytes, kind: bytes = _ED25519) -> bytes:
    return sha256(name.encode() + b"\n" + kind + key).digest()[:4]


class Checkpoint(NamedTuple):
    """`size` leaves under `root`. `text` is what the `signatures` (name, key id, bytes) are of."""

    origin: str
    size: int
    root: bytes
    text: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]

    @classmethod
    def parse(cls, note: str) -> Checkpoint:
        """A signed note with a checkpoint and no extension lines. Raises Unreadable."""
        signed, blank, marks = note.partition("\n\n")
        lines, rows = signed.split("\n"), marks.split("\n")
        if not blank or len(lines) != 3 or rows[-1:] != [""] or len(rows) > _SIGNATURES_MAX:
            raise Unreadable("no signed checkpoint")
        origin, size, root = lines
        reject(not _NAME.fullmatch(origin) or not _SIZE.fullmatch(size), "no signed checkpoint")
        signatures = tuple(_signature(row) for row in rows[:-1])
        return cls(origin, int(size), base64(root, 32), f"{signed}\n".encode(), signatures)

    def check(self, pinned: LogKey) -> None:
        """That the pinned key signed it. Signatures of others beside it are passed over."""
        ours = self._marks(self.origin, key_id(self.origin, pinned.key))
        refute(not pinned.is_of(self.origin) or not ours, "not signed by the pinned log key")
        for mark in ours:
            check_ed25519(pinned.key, mark, self.text)

    def is_cosigned(self, witness: LogKey) -> bool:
        """Whether the witness signed it (C2SP tlog-cosignature). Raises Refuted if it is said to
        have, and has not."""
        marks = self._marks(witness.name, key_id(witness.name, witness.key, COSIGNATURE))
        for mark in marks:
            time = int.from_bytes(mark[:8], "big")
            refute(len(mark) != 72 or not 0 < time < 2**63, f"no cosignature of {witness.name}")
            text = b"cosignature/v1\ntime %d\n" % time + self.text
            check_ed25519(witness.key, mark[8:], text)
        return bool(marks)

    def _marks(self, *wanted: object) -> list[bytes]:
        return [mark for *who, mark in self.signatures if tuple(who) == wanted]


def _signature(row: str) -> tuple[str, bytes, bytes]:
    match row.split(" "):
        case ["—", name, encoded] if _NAME.fullmatch(name):
            mark = base64(encoded)
            return name, mark[:4], mark[4:]
    raise Unreadable("no signature of a note")


@dataclass(frozen=True, slots=True)
class Proof:
    """Leaf `index`, whose bytes are `record`, and its siblings up to the checkpoint's root."""

    index: int
    path: tuple[bytes, ...]
    record: bytes
    checkpoint: Checkpoint

    @classmethod
    def parse(cls, data: bytes) -> Proof:
        """C2SP tlog-proof with extra data. Raises Unreadable."""
        try:
            head, blank, note = data.decode().partition("\n\n")
        except UnicodeDecodeError as error:
            raise Unreadable("no tlog-proof") from error
        first, extra, index, *path = [*head.split("\n"), "", ""]
        number = index.removeprefix("index ")
        reject(first != FIRST_LINE or not blank or not extra.startswith("extra "), "no tlog-proof")
        reject(number == index or not _SIZE.fullmatch(number) or len(path) > 66, "no tlog-proof")
        siblings = tuple(base64(each, 32) for each in path[:-2])
        record = base64(extra.removeprefix("extra "))
        return cls(int(number), siblings, record, Checkpoint.parse(note))

    def body(self) -> dict[str, Any]:
        body = parse_jcs(self.record)
        if not isinstance(body, dict):
            raise Unreadable("a record that is no object")
        return body

    def check(self) -> None:
        """That the record is under the checkpoint's root."""
        leaf = sha256(b"\0" + self.record).digest()
        check_inclusion(leaf, self.index, self.checkpoint.size, self.path, self.checkpoint.root)


def check_inclusion(
    leaf: bytes, index: int, size: int, path: tuple[bytes, ...], root: bytes
) -> None:
    """RFC 9162, 2.1.3.2. Raises Refuted."""
    if not 0 <= index < size or any(len(each) != 32 for each in (leaf, root, *path)):
        raise Refuted("no leaf of this tree")
    at, last, node = index, size - 1, leaf
    for sibling in path:
        refute(not last, "the path is longer than the tree is high")
        if at & 1 or at == last:
            node = sha256(b"\1" + sibling + node).digest()
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b"\1" + node + sibling).digest()
        at, last = at >> 1, last >> 1
    refute(last or node != root, "the record is not under the checkpoint's root")
