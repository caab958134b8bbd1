"""The migrations make what the models say, on both databases, and the committed schema shows it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from custody.db import schema, triggers
from custody.db.engines import open_engines
from custody.db.migrate import Standing, migration_config, newest_revision, standing, upgrade
from custody.db.session import Database
from custody.db.tables import Row
from tests.support.database import PostgresServer


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, Row.metadata))


async def test_migrations_and_models_agree(database_url: str):
    engines = open_engines(database_url)
    async with engines.read.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engines.close()


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def test_each_migration_only_adds(kind: str, tmp_path: Path, request: pytest.FixtureRequest):
    """So a program that does not know it yet goes on reading and writing as before."""
    url = f"sqlite+aiosqlite:///{tmp_path}/each.db"
    if kind == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        server.run("CREATE DATABASE each")
        request.addfinalizer(lambda: server.run("DROP DATABASE each WITH (FORCE)"))
        url = server.url("each")
    scripts = ScriptDirectory.from_config(migration_config())
    engines = open_engines(url)
    before: Shape = {}
    for revision in [each.revision for each in scripts.walk_revisions()][::-1]:
        async with engines.write.begin() as connection:
            await connection.run_sync(
                lambda plain, to: command.upgrade(migration_config(plain), to), revision
            )
            after = await connection.run_sync(shape)
        for table, columns in before.items() if revision > FIRST_ADDITIVE else ():
            for name, was in columns.items():
                assert no_stricter(after[table][name], was), f"{revision}: {table}.{name}"
            for name in after[table].keys() - columns.keys():
                assert after[table][name][1:] == (False, False), f"{revision}: {table}.{name}"
        before = after
    await engines.close()


FIRST_ADDITIVE = "0005"
"""Programs from before stop for an upgrade; it makes a key unique."""
Column = tuple[str, bool, bool]
Shape = dict[str, dict[str, Column]]


def no_stricter(now: Column, was: Column) -> bool:
    return now[0] == was[0] and now[1:] <= was[1:] and now[2] <= was[2]


def shape(connection: Connection) -> Shape:
    """Of each table, each column: its type, whether an insert has to name it, and whether a unique
    index holds it."""
    found = inspect(connection)
    return {
        table: {
            column["name"]: (
                str(column["type"]),
                not column["nullable"] and column["default"] is None,
                any(
                    column["name"] in index["column_names"] and index["unique"]
                    for index in found.get_indexes(table)
                ),
            )
            for column in found.get_columns(table)
        }
        for table in found.get_table_names()
    }


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
