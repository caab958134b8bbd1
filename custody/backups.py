"""A copy of the database and of what makes the signer, in one folder, and the way back.

The database goes first and the signer after it: then the signer's log knows at least what the
database knows, and `custody recover` can rebuild what is missing. The other way round a payment
could be in the database that the restored signer has forgotten, and it would refuse to go on.

Of the signer are copied its keystore, which is encrypted, and its audit log, which only grows and
from which `custody-keys recover --log` makes the journal again. The journal itself is locked while
the signer serves. Knows the names of the signer's files and nothing else of it.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final

DATABASE: Final = "custody.sqlite3"
KEYSTORE: Final = "keystore.json"
LOG: Final = "audit.jsonl"
MANIFEST: Final = "backup.json"
_SIGNERS: Final = (KEYSTORE, "journal.sqlite", LOG)
_CHUNK: Final = 1 << 20


class BadBackup(Exception):
    """It can't be made, or not be put back. Nothing was changed."""


def take(folder: Path, database: Path | None, signer: Path | None, now: datetime) -> list[str]:
    """Copy into a new folder, which appears whole or not at all. Both may be in use. Returns the
    names of the files. Raises BadBackup, OSError."""
    if folder.exists():
        raise BadBackup(f"{folder} exists: every backup has a folder of its own")
    partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
    partial.mkdir(mode=0o700)
    try:
        if database is not None:
            _copy_database(database, partial / DATABASE)
        if signer is not None:
            _copy(signer / KEYSTORE, partial / KEYSTORE)
            _copy_lines(signer / LOG, partial / LOG)
        names = sorted(path.name for path in partial.iterdir())
        files = {name: _digest(partial / name) for name in names}
        text = json.dumps({"made_at": now.isoformat(), "sha256": files}, indent=2) + "\n"
        _write(partial / MANIFEST, text.encode())
        _sync_folder(partial)
        partial.rename(folder)
        _sync_folder(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return names


def put_back(folder: Path, database: Path | None, signer: Path | None) -> list[str]:
    """The database to `database`, the keystore into `signer`; nothing that exists is written over,
    and everything is checked before anything is written. Raises BadBackup, OSError."""
    files = check(folder)
    wanted = {}
    if database is not None:
        _must_be_new(*(Path(f"{database}{suffix}") for suffix in ("", "-wal", "-shm")))
        wanted[DATABASE] = database
    if signer is not None:
        _must_be_new(*(signer / name for name in _SIGNERS))
        wanted[KEYSTORE] = signer / KEYSTORE
    if missing := sorted(wanted.keys() - files.keys()):
        raise BadBackup(f"{folder} does not hold {', '.join(missing)}")
    for name, target in wanted.items():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.partial")
        partial.unlink(missing_ok=True)
        _copy(folder / name, partial)
        partial.rename(target)
        _sync_folder(target.parent)
    return sorted(wanted)


def check(folder: Path) -> Mapping[str, str]:
    """The digest of each file, each as it was when the backup was made. Raises BadBackup."""
    try:
        found: Any = json.loads((folder / MANIFEST).read_text())
        files = dict(found["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        raise BadBackup(f"{folder} is no backup: it has no readable {MANIFEST}") from None
    for name, digest in files.items():
        if Path(name).name != name or not (folder / name).is_file():
            raise BadBackup(f"{folder} has lost {name}")
        if _digest(folder / name) != digest:
            raise BadBackup(f"{name} in {folder} is not what was written there")
    return files


def _copy_database(source: Path, target: Path) -> None:
    """By SQLite's online backup, so that writers go on."""
    if not source.is_file():
        raise BadBackup(f"there is no database at {source}")
    _write(target, b"")
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")
        said = new.execute("PRAGMA integrity_check").fetchone()
    if said != ("ok",):
        raise BadBackup("the copy of the database is damaged, and so is the database")


def _copy_lines(source: Path, target: Path) -> None:
    """Up to the last whole line: the signer may be writing the next one."""
    text = source.read_bytes()
    _write(target, text[: text.rfind(b"\n") + 1])


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as old, _new_file(target) as new:
        shutil.copyfileobj(old, new, _CHUNK)


def _write(target: Path, content: bytes) -> None:
    with _new_file(target) as file:
        file.write(content)


@contextmanager
def _new_file(target: Path) -> Iterator[BinaryIO]:
    """On the disk at the end, and for its owner alone."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _digest(path: Path) -> str:
    found = sha256()
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            found.update(part)
    return found.hexdigest()


def _must_be_new(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise BadBackup(f"{path} exists: move it away first, it may be all that is left")
