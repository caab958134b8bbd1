"""The log's key, in a file that only its owner can read, and the log's last word beside it.

The last checkpoint that was published is kept next to the key, outside the database, one file for
an origin. It is written before a checkpoint is stored; so a database that was put back to an
earlier state is found out before it signs another tree.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from signer.checkpoint import Checkpoint, signed_note, verifier_key

_BYTES_MAX: Final = 16 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class BadKeyFile(ValueError):
    """The message names the file and what is wrong, and nothing that it holds."""


@dataclass(frozen=True, slots=True)
class LogKey:
    """Signs the checkpoints of one origin."""

    origin: str
    public: bytes
    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def load(cls, path: Path, origin: str) -> LogKey:
        """Raises BadKeyFile."""
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                data = file.read(_BYTES_MAX)
        except OSError as error:
            raise BadKeyFile(f"the log key {path} can't be read: {error.strerror}") from None
        if mode & _OTHERS:
            raise BadKeyFile(f"the log key {path} can be read by others than its owner (chmod 600)")
        try:
            private = load_pem_private_key(data, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise BadKeyFile(f"{path} holds no private key in PEM") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise BadKeyFile(f"{path} holds a key that is not of Ed25519")
        return cls(origin, private.public_key().public_bytes_raw(), private)

    @property
    def verifier_key(self) -> str:
        return verifier_key(self.origin, self.public)

    def sign(self, checkpoint: Checkpoint) -> str:
        """A signed note. Raises ValueError for another origin's."""
        if checkpoint.origin != self.origin:
            raise ValueError("the checkpoint is of another origin than the key")
        return signed_note(checkpoint, self.public, self._private.sign(checkpoint.text()))


def new_key() -> bytes:
    """A key in PEM, for a new file with mode 600."""
    private = Ed25519PrivateKey.generate()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass(frozen=True, slots=True)
class Published:
    """Files beside the key: the last checkpoint of each origin that was signed from here."""

    key_file: Path

    def read(self, origin: str) -> str | None:
        """None if nothing was published from here. Raises OSError, UnicodeDecodeError."""
        try:
            return self._path(origin).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def others(self, origin: str) -> Iterator[str]:
        """Of other origins, the last one written first."""
        found = self.key_file.parent.glob(f"{self.key_file.name}.*.checkpoint")
        own = self._path(origin)
        for path in sorted(found, key=lambda each: each.stat().st_mtime_ns, reverse=True):
            if path != own:
                yield path.read_text(encoding="utf-8")

    def write(self, origin: str, note: str) -> None:
        """All of it on the disk when this returns, or what was there before."""
        path = self._path(origin)
        part = path.with_suffix(".part")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(note)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _path(self, origin: str) -> Path:
        mark = sha256(origin.encode()).hexdigest()[:16]
        return self.key_file.with_name(f"{self.key_file.name}.{mark}.checkpoint")
