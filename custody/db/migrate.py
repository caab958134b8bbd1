"""Brings a database's schema up to date, from code: no configuration file, any working directory.

All pending migrations run in one transaction, also on SQLite, so an interrupted upgrade leaves the
old schema. Two processes that start together wait for each other.

Migrations only add, so a program works on a schema that is newer than itself, for as long as that
one says so (`schema_bounds`): processes are replaced one by one. It never migrates such a database.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Connection,
    Select,
    String,
    column,
    func,
    inspect,
    select,
    table,
    text,
)

from custody.db import roles
from custody.db.engines import open_engines
from custody.db.session import ReadSession, lock_key
from custody.db.tables import SchemaBoundsRow

_FOLDER = Path(__file__).with_name("migrations")
_EARLIER = frozenset({"0001"})
"""Revisions of an earlier design, before anybody had money in a database."""


class OtherDesign(Exception):
    """The database was made by another version of this program, and this one can't read it. The
    message says by which, in one line."""


async def upgrade(url: str, *, program: str | None = None) -> None:
    """Create or migrate the database at `url`. Does nothing if it is up to date.

    `program`: the role that the program will connect as, if it is another than the one in `url`;
    it gets the program's rights and loses all others (`roles`). Raises OtherDesign, having changed
    nothing.
    """
    engines = open_engines(url)
    try:
        async with engines.write.begin() as connection:
            if not engines.is_sqlite:
                await connection.execute(select(func.pg_advisory_xact_lock(lock_key("migrate"))))
            await connection.run_sync(_upgrade)
            if program is not None:
                await connection.run_sync(roles.grant, program)
    finally:
        await engines.close()


async def current_role(url: str) -> str | None:
    """Whom PostgreSQL takes us for at `url`; None on SQLite."""
    engines = open_engines(url)
    try:
        if engines.is_sqlite:
            return None
        async with engines.read.connect() as connection:
            return str(await connection.scalar(text("SELECT current_user")))
    finally:
        await engines.close()


@dataclass(frozen=True, slots=True)
class Standing:
    """`is_current`: whether this code may work on the schema. If it may:
    `missing_triggers` (names) must be empty; `powers`: what our role could do to the past."""

    is_current: bool
    missing_triggers: tuple[str, ...] = ()
    powers: tuple[str, ...] = ()


async def standing(url: str) -> Standing:
    """How the database at `url` stands to this program. Raises OtherDesign."""
    engines = open_engines(url)
    try:
        async with engines.read.connect() as connection:
            return await connection.run_sync(_standing)
    finally:
        await engines.close()


@cache
def newest_revision() -> str:
    """This program's own."""
    newest = ScriptDirectory.from_config(migration_config()).get_current_head()
    assert newest is not None
    return newest


async def stored_revision(session: ReadSession) -> str | None:
    """The revision that the database says it has. An SQLAlchemyError if it never had one."""
    version: Select[str] = select(column("version_num", String)).select_from(
        table("alembic_version")
    )
    return await session.first(version)


async def suits(session: ReadSession) -> bool:
    """Whether this program may work on the schema: its own, or a later one that lets it. An
    SQLAlchemyError if there is none."""
    found = await stored_revision(session)
    if found is None or found in known_revisions():
        return found == newest_revision()
    return _lets(await session.first(select(SchemaBoundsRow.oldest)))


def _lets(oldest: str | None) -> bool:
    return oldest is not None and oldest <= newest_revision()


@cache
def known_revisions() -> frozenset[str]:
    scripts = ScriptDirectory.from_config(migration_config())
    return frozenset(script.revision for script in scripts.walk_revisions())


def migration_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, bound to `connection`."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    _check_revision(_revision(connection))
    command.upgrade(migration_config(connection), "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _check_revision(found: str | None) -> None:
    if found in _EARLIER:
        raise OtherDesign(
            f"the database is of an earlier design (revision {found}), from which nothing is"
            " migrated: begin with an empty one"
        )
    if found is not None and found not in known_revisions():
        raise OtherDesign(
            f"the database is newer than this program (revision {found}; this program knows"
            f" {newest_revision()}): run the program that made it"
        )


def _standing(connection: Connection) -> Standing:
    found = _revision(connection)
    if not _lets_us(connection, found):
        _check_revision(found)
        if found != newest_revision():
            return Standing(is_current=False)
    missing, powers = roles.missing_triggers(connection), roles.powers(connection)
    return Standing(is_current=True, missing_triggers=missing, powers=powers)


def _lets_us(connection: Connection, found: str | None) -> bool:
    """Whether it is a later one that says that we still may."""
    if found is None or found in known_revisions() | _EARLIER:
        return False
    if not inspect(connection).has_table(SchemaBoundsRow.__tablename__):
        return False
    return _lets(connection.scalar(select(SchemaBoundsRow.oldest)))
