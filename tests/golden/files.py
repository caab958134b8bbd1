"""The golden files: where they are, how a database becomes one of them, and a database again."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from pathlib import Path

from tests.support.database import OWNER, PostgresServer, find_binaries

FILES = Path(__file__).with_name("files")
SQLITE = FILES / "custody.sqlite.sql"
POSTGRESQL = FILES / "custody.postgresql.sql"
POLICIES = FILES / "policies.json"
MANDATES = FILES / "mandates.json"
RECEIPTS = FILES / "receipts.json"
SIGNER = FILES / "signer"
SIGNER_STOPPED = FILES / "signer_stopped"
SIGNER_FILES = ("keystore.json", "journal.sqlite", "audit.jsonl")
BYTES_MAX = 1_000_000
"""All of them together."""


def dump_sqlite(database: Path, target: Path) -> None:
    """As text, so that a change is seen in a diff."""
    with sqlite3.connect(database) as connection:
        target.write_text("\n".join(connection.iterdump()) + "\n")
    connection.close()


def load_sqlite(source: Path, database: Path) -> str:
    """A new file with what was dumped; its URL."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.executescript(source.read_text())
    connection.close()
    return f"sqlite+aiosqlite:///{database}"


def dump_postgresql(server: PostgresServer, name: str, target: Path) -> None:
    options = ["--inserts", "--no-owner", "--no-privileges"]
    command: list[str | Path] = [_pg_dump(), "-h", server.folder, "-U", OWNER, *options, name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    # What differs from dump to dump or with the server's version, and means nothing.
    noise = ("\\restrict", "\\unrestrict", "-- Dumped", "SET transaction_timeout")
    kept = [line for line in done.stdout.splitlines() if not line.startswith(noise)]
    target.write_text("\n".join(kept) + "\n")


def load_postgresql(source: Path, server: PostgresServer, name: str) -> str:
    """Into a database of that name, which is made; its URL."""
    server.run(f"CREATE DATABASE {name}")
    server.run(source.read_text(), name=name)
    return server.url(name)


def copy_signer(source: Path, target: Path) -> None:
    """The directory of a signer that does not run."""
    target.mkdir(parents=True, exist_ok=True)
    target.chmod(0o700)
    for name in SIGNER_FILES:
        shutil.copyfile(source / name, target / name)
        (target / name).chmod(0o600)


def close_journal(folder: Path) -> None:
    """Have all of it in the one file that is kept."""
    with sqlite3.connect(folder / "journal.sqlite") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _pg_dump() -> Path:
    """Beside the server's own binaries, which may be links."""
    folders = [find_binaries(), (find_binaries() / "postgres").resolve().parent]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next(folder / "pg_dump" for folder in folders if (folder / "pg_dump").exists())
