"""Brings a database's schema up to date, from code: no configuration file, any working directory.

All pending migrations run in one transaction, also on SQLite, so an interrupted upgrade leaves the
old schema. Two processes that start together wait for each other.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, select

from custody.db.engines import open_engines
from custody.db.session import lock_key

_FOLDER = Path(__file__).with_name("migrations")


async def upgrade(url: str) -> None:
    """Create or migrate the database at `url`. Does nothing if it is up to date."""
    engines = open_engines(url)
    try:
        async with engines.write.begin() as connection:
            if not engines.is_sqlite:
                await connection.execute(select(func.pg_advisory_xact_lock(lock_key("migrate"))))
            await connection.run_sync(_upgrade)
    finally:
        await engines.close()


async def is_current(url: str) -> bool:
    """Whether the schema is the one this code was written for."""
    engines = open_engines(url)
    try:
        async with engines.read.connect() as connection:
            return await connection.run_sync(_revision) == newest_revision()
    finally:
        await engines.close()


def newest_revision() -> str:
    newest = ScriptDirectory.from_config(migration_config()).get_current_head()
    assert newest is not None
    return newest


def migration_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, bound to `connection`."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    command.upgrade(migration_config(connection), "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
