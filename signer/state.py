"""The signer's directory: which file is where, and that one process at a time works in it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from signer.errors import StateInUse
from signer.statements import Notice

_DISK_FREE_MIN: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """Mode 700. `keystore`: the encrypted seed. `journal`: what was signed. `log`: its copy for
    people. `control`: the socket for unlocking and locking, for the owner alone."""

    path: Path

    @property
    def keystore(self) -> Path:
        return self.path / "keystore.json"

    @property
    def journal(self) -> Path:
        return self.path / "journal.sqlite"

    @property
    def log(self) -> Path:
        return self.path / "audit.jsonl"

    @property
    def control(self) -> Path:
        return self.path / "control.sock"

    def notices(self) -> tuple[Notice, ...]:
        """What an operator should mend about the directory."""
        found = []
        if self.path.stat().st_mode & 0o077:
            message = "the state directory is open to other users (chmod 700)"
            found.append(Notice("state-directory-open", message))
        if shutil.disk_usage(self.path).free < _DISK_FREE_MIN:
            least = _DISK_FREE_MIN // 1024**2
            message = (
                f"less than {least} MiB are free on the disk; when it is full, nothing is signed"
            )
            found.append(Notice("disk-almost-full", message))
        return tuple(found)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the directory, which is made if need be. Raises StateInUse."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StateInUse(f"another process works in {self.path}: stop it first") from None
        try:
            yield
        finally:
            os.close(descriptor)
