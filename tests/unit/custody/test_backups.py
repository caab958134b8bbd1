"""Backups: whole or not at all, checked before they are used, and nothing is written over."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from custody import backups
from custody.backups import BadBackup, check, put_back, take
from signer.state import StateDirectory
from tests.support.cli import done, refused

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """In use: what was committed last is in its write-ahead log."""
    path = tmp_path / "custody.db"
    with closing(sqlite3.connect(path)) as made:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("CREATE TABLE notes (words TEXT)")
        made.execute("INSERT INTO notes VALUES ('kept')")
        made.commit()
    return path


@pytest.fixture
def signer(tmp_path: Path) -> Path:
    """Whose log is being written to."""
    state = StateDirectory(tmp_path / "state")
    state.path.mkdir()
    state.keystore.write_text("{}")
    state.log.write_bytes(b'{"n":1}\n{"n":2}\n{"n"')
    state.journal.write_bytes(b"locked")
    return state.path


def notes(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as opened:
        return [words for (words,) in opened.execute("SELECT words FROM notes")]


def test_the_names_are_the_signers(tmp_path: Path):
    state = StateDirectory(tmp_path)
    files = {state.keystore, state.journal, state.log}
    assert {path.name for path in files} == set(backups._SIGNERS)


def test_there_and_back(tmp_path: Path, database: Path, signer: Path):
    folder = tmp_path / "backup"
    with closing(sqlite3.connect(database)) as writing:
        writing.execute("BEGIN IMMEDIATE")
        writing.execute("INSERT INTO notes VALUES ('not committed')")
        names = take(folder, database, signer, NOW)
    assert names == ["audit.jsonl", "custody.sqlite3", "keystore.json"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "audit.jsonl").read_bytes() == b'{"n":1}\n{"n":2}\n', "whole lines"

    target, state = tmp_path / "new.db", tmp_path / "new"
    assert put_back(folder, target, state) == ["custody.sqlite3", "keystore.json"]
    assert notes(target) == ["kept"]
    assert [path.name for path in state.iterdir()] == ["keystore.json"]
    assert (target.stat().st_mode | (state / "keystore.json").stat().st_mode) & 0o077 == 0


def test_the_database_is_copied_before_the_signer(
    tmp_path: Path, database: Path, signer: Path, monkeypatch: pytest.MonkeyPatch
):
    order = []
    for name in ("_copy_database", "_copy_lines"):
        real = getattr(backups, name)

        def noted(*given: Path, name: str = name, real=real) -> None:
            order.append(name)
            real(*given)

        monkeypatch.setattr(backups, name, noted)
    take(tmp_path / "backup", database, signer, NOW)
    assert order == ["_copy_database", "_copy_lines"]


@pytest.mark.parametrize("missing", ["keystore.json", "audit.jsonl"])
def test_what_fails_leaves_nothing(tmp_path: Path, database: Path, signer: Path, missing: str):
    (signer / missing).unlink()
    with pytest.raises(FileNotFoundError):
        take(tmp_path / "backup", database, signer, NOW)
    assert list(tmp_path.glob("backup*")) == []


def test_nothing_is_written_over(tmp_path: Path, database: Path, signer: Path):
    folder = tmp_path / "backup"
    take(folder, database, signer, NOW)
    with pytest.raises(BadBackup, match="a folder of its own"):
        take(folder, database, signer, NOW)
    for target, state in ((database, tmp_path / "new"), (tmp_path / "new.db", signer)):
        with pytest.raises(BadBackup, match="move it away first"):
            put_back(folder, target, state)
        assert not (tmp_path / "new").exists() and not (tmp_path / "new.db").exists()
    (tmp_path / "new.db-wal").write_text("of another database")
    with pytest.raises(BadBackup, match="move it away first"):
        put_back(folder, tmp_path / "new.db", None)


@pytest.mark.parametrize("name", ["custody.sqlite3", "keystore.json", "audit.jsonl"])
def test_a_backup_that_changed_is_not_used(tmp_path: Path, database: Path, signer: Path, name: str):
    folder, target = tmp_path / "backup", tmp_path / "new.db"
    take(folder, database, signer, NOW)
    content = bytearray((folder / name).read_bytes())
    content[0] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BadBackup, match="not what was written"):
        put_back(folder, target, None)
    (folder / name).unlink()
    with pytest.raises(BadBackup, match="has lost"):
        check(folder)
    (folder / "backup.json").write_text("{}")
    with pytest.raises(BadBackup, match="no backup"):
        check(folder)
    assert not target.exists()


def test_the_commands(tmp_path: Path, database: Path, signer: Path):
    env = {"CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{database}"}
    folder = tmp_path / "backup"
    state = ("--signer-state", signer)
    assert "holds audit.jsonl, custody.sqlite3" in done("backup", "--to", folder, *state, env=env)
    assert "move it away" in refused(1, "restore", "--from", folder, *state, env=env)
    new = {"CUSTODY_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/new.db"}
    told = done("restore", "--from", folder, "--signer-state", tmp_path / "new", env=new)
    assert "custody-keys recover --log COPY" in told
    assert "is nothing" in refused(2, "backup", "--to", tmp_path / "b", "--no-database", env=env)
    other = {"CUSTODY_DATABASE_URL": "postgresql+psycopg://u@h/d"}
    assert "pg_dump -Fc" in refused(2, "backup", "--to", tmp_path / "b", *state, env=other)
    done("backup", "--to", tmp_path / "c", *state, "--no-database", env=other)
