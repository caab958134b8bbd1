"""The migrations make what the models say, on both databases, and the committed schema shows it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from custody.db import schema, triggers
from custody.db.engines import open_engines
from custody.db.migrate import Standing, migration_config, newest_revision, standing, upgrade
from custody.db.session import Database
from custody.db.tables import Row


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Row.metadata))


async def test_migrations_and_models_agree(database_url: str):
    engines = open_engines(database_url)
    async with engines.read.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engines.close()


async def test_a_difference_would_be_seen(sqlite_url: str):
    engines = open_engines(sqlite_url)
    async with engines.write.begin() as connection:
        await connection.execute(text("DROP INDEX ix_deposits_network_txid"))
        await connection.execute(text("ALTER TABLE vaults ADD COLUMN surprise VARCHAR"))
        assert len(await connection.run_sync(differences)) == 2
    await engines.close()


async def test_the_triggers_are_there(database: Database):
    sqlite = database._engines.is_sqlite
    catalogue = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if sqlite
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    async with database._engines.read.connect() as connection:
        found = {name for (name,) in (await connection.execute(text(catalogue))).all()}
    statements = triggers.sqlite() if sqlite else triggers.postgresql()
    made = {each.split()[2] for each in statements if each.startswith("CREATE TRIGGER")}
    assert len(made) > 3 * len(list(triggers.protected()))
    assert found == made


async def test_upgrading_again_changes_nothing(database_url: str):
    before = await standing(database_url)
    assert before == Standing(is_current=True)
    if database_url.startswith("sqlite"):
        await upgrade(database_url)
        assert await standing(database_url) == before


async def test_an_empty_database_is_not_current_until_it_is_upgraded(tmp_path: Path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'new.sqlite3'}"
    assert not (await standing(url)).is_current
    await asyncio.gather(upgrade(url), upgrade(url))
    assert (await standing(url)).is_current


async def test_it_works_from_any_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    await upgrade("sqlite+aiosqlite:///here.sqlite3")
    assert (tmp_path / "here.sqlite3").exists()


def test_there_is_one_line_of_migrations():
    scripts = ScriptDirectory.from_config(migration_config())
    assert scripts.get_heads() == [newest_revision()]
    assert scripts.get_bases() == ["0002"]


def test_the_committed_schema_is_the_generated_one():
    committed = schema.PATH.read_text()
    assert committed == schema.render(), "run: python -m custody.db.schema"
    if schema.is_first():
        assert schema.FIRST.read_text() == schema.render_first(), "the same"
    for table in Row.metadata.tables:
        assert f"CREATE TABLE {table} (" in committed
