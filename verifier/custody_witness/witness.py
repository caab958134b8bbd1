"""What the witness signs, and what it remembers of each log: the largest tree it ever accepted.

That is on the disk before anything is signed, so whatever happens between, it never signs a tree
that does not continue it. One process at a time has the folder.
"""

from __future__ import annotations

import fcntl
import os
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from custody_verify.errors import Refuted, Unreadable
from custody_verify.log import COSIGNATURE, Checkpoint, LogKey, key_id

from custody_witness.tree import EMPTY, Shown, Tiles, check_consistency

_FORKS_MAX: Final = 1000


class Refusal(Exception):
    """`status`: as C2SP tlog-witness has it. `size`: of what is kept, where the caller took another
    for it."""

    def __init__(self, status: int, words: str, size: int | None = None) -> None:
        super().__init__(words)
        self.status, self.size = status, size


@dataclass(frozen=True, slots=True)
class Key:
    """The witness's own."""

    name: str
    public: bytes
    _private: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def load(cls, path: Path, name: str) -> Key:
        """A PEM file that only its owner can read. Raises Unreadable, OSError."""
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise Unreadable(f"{path} can be read by others than its owner (chmod 600)")
            data = file.read(16 * 1024)
        try:
            private = load_pem_private_key(data, None)
        except (ValueError, TypeError):
            raise Unreadable(f"{path} holds no private key in PEM") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise Unreadable(f"{path} holds a key that is not of Ed25519")
        return cls(name, private.public_key().public_bytes_raw(), private)

    @staticmethod
    def create(path: Path) -> None:
        """In a new file. Raises OSError if there is one."""
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write(path, pem, os.O_EXCL, 0o600)

    @property
    def verifier_key(self) -> str:
        id_ = key_id(self.name, self.public, COSIGNATURE).hex()
        return f"{self.name}+{id_}+{b64encode(COSIGNATURE + self.public).decode()}"

    def cosign(self, text: bytes, seconds: int) -> str:
        """C2SP tlog-cosignature: a line of a signed note."""
        signature = self._private.sign(b"cosignature/v1\ntime %d\n" % seconds + text)
        mark = key_id(self.name, self.public, COSIGNATURE) + seconds.to_bytes(8, "big") + signature
        return f"— {self.name} {b64encode(mark).decode()}\n"


class Witness:
    """`logs`: whose checkpoints are signed, by their keys. `clock`: seconds since 1970. Holds the
    folder; raises Unreadable if another process does, or if what is kept there was damaged."""

    def __init__(
        self,
        key: Key,
        folder: Path,
        logs: Sequence[LogKey],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.key = key
        self._folder = folder
        self._logs = {each.name: each for each in logs}
        self._clock = clock
        self._lock = Lock()
        if len(self._logs) != len(logs):
            raise Unreadable("two logs of one origin")
        folder.mkdir(parents=True, exist_ok=True)
        self._held = (folder / "lock").open("w")
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unreadable(f"another process has {folder}") from None
        for origin in self._logs:
            self.kept(origin)

    def close(self) -> None:
        self._held.close()

    def kept(self, origin: str) -> Checkpoint | None:
        """The largest tree that was accepted. Raises Unreadable, Refuted."""
        try:
            note = self._path(origin).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            raise Unreadable(f"{self._path(origin)} is damaged") from None
        found = Checkpoint.parse(note)
        found.check(self._logs[origin])
        return found

    def served(self, origin_hash: str) -> str | None:
        """What is kept of the log of which this is the origin's SHA-256, once it is signed here."""
        for origin in self._logs:
            if sha256(origin.encode()).hexdigest() == origin_hash:
                found = self.kept(origin)
                own = LogKey(self.key.name, self.key.public)
                if found is not None and found.is_cosigned(own):
                    return self._path(origin).read_text(encoding="utf-8")
        return None

    def add(self, old: int, path: Sequence[bytes], note: str) -> str:
        """The cosignature, a line, of a checkpoint that continues what is kept, which has `old`
        leaves (C2SP tlog-witness, add-checkpoint). Raises Refusal."""
        told = self._opened(note)
        with self._lock:
            if self._held.closed:
                raise Refusal(503, "another process may have what is remembered")
            kept = self.kept(told.origin)
            size, root = (0, EMPTY) if kept is None else (kept.size, kept.root)
            if old > told.size:
                raise Refusal(400, "the old size is greater than the checkpoint's")
            if old != size:
                raise Refusal(409, f"{size} leaves are kept", size)
            if told.size == 0 and told.root != EMPTY:
                raise Refusal(422, "a root of no leaves that is none")
            try:
                check_consistency(old, told.size, root, told.root, path)
            except Refuted as error:
                self._remember_fork(kept, note)
                raise Refusal(422, str(error)) from None
            return self._accept(told)

    def follow(self, note: str, tiles: Tiles) -> str:
        """The same of a log whose files are read. A smaller tree is refused, also one that what is
        kept continues: the log has shown more before. Raises Refusal, Unreadable."""
        told = self._opened(note)
        kept = self.kept(told.origin)
        old = 0 if kept is None else kept.size
        if old > told.size:
            self._remember_fork(kept, note)
            raise Refusal(409, f"the log shows {told.size} leaves, and {old} are kept", old)
        path = Shown(told.size, tiles).path(old)
        return self.add(old, path, note)

    def _opened(self, note: str) -> Checkpoint:
        try:
            told = Checkpoint.parse(note)
        except Unreadable as error:
            raise Refusal(400, str(error)) from None
        log = self._logs.get(told.origin)
        if log is None:
            raise Refusal(404, "no log of this origin is watched here")
        try:
            told.check(log)
        except Refuted as error:
            raise Refusal(403, str(error)) from None
        return told

    def _accept(self, told: Checkpoint) -> str:
        """Remember, then sign; and keep the signature, for whoever asks what was signed last."""
        own = told.text.decode() + "\n" + self._log_lines(told)
        path = self._path(told.origin)
        _write(path, own.encode())
        line = self.key.cosign(told.text, int(self._clock()))
        _write(path, f"{own}{line}".encode())
        return line

    def _log_lines(self, told: Checkpoint) -> str:
        """The log's own signatures: others' are left out, for they may be anybody's."""
        wanted = told.origin, key_id(told.origin, self._logs[told.origin].key)
        lines = [
            f"— {name} {b64encode(id_ + mark).decode()}\n"
            for name, id_, mark in told.signatures
            if (name, id_) == wanted
        ]
        return "".join(dict.fromkeys(lines))

    def _remember_fork(self, kept: Checkpoint | None, note: str) -> None:
        """Both signed by the log: the proof that it does not do what it says."""
        if kept is None:
            return
        folder = self._folder / "refused"
        folder.mkdir(exist_ok=True)
        path = folder / f"{sha256(note.encode()).hexdigest()}.txt"
        if not path.exists() and len(list(folder.iterdir())) < _FORKS_MAX:
            kept_note = self._path(kept.origin).read_text(encoding="utf-8")
            _write(path, f"{note}\n{kept_note}".encode())

    def _path(self, origin: str) -> Path:
        return self._folder / f"{sha256(origin.encode()).hexdigest()}.checkpoint"


def _write(path: Path, data: bytes, flag: int = os.O_TRUNC, mode: int = 0o644) -> None:
    """All of it on the disk when this returns, or what was there before."""
    part = path if flag == os.O_EXCL else path.with_name(f"{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | flag, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    if part != path:
        part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
