"""Brings a database's schema up to date, from code: no configuration file, any working directory.

All pending migrations run in one transaction, also on SQLite, so an interrupted upgrade leaves the
old schema. Two processes that start together wait for each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Select, String, column, func, select, table, text

from custody.db import roles
from custody.db.engines import open_engines
from custody.db.session import ReadSession, lock_key

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
    """`is_current`: whether the schema is the one this code was written for. If it is:
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


def newest_revision() -> str:
    newest = ScriptDirectory.from_config(migration_config()).get_current_head()
    assert newest is not None
    return newest


async def stored_revision(session: ReadSession) -> str | None:
    """The revision that the database says it has. An SQLAlchemyError if it never had one."""
    version: Select[str] = select(column("version_num", String)).select_from(
        table("alembic_version")
    )
    return await session.first(version)


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
    scripts = ScriptDirectory.from_config(migration_config())
    known = {script.revision for script in scripts.walk_revisions()}
    if found is not None and found not in known:
        raise OtherDesign(
            f"the database is newer than this program (revision {found}; this program knows"
            f" {newest_revision()}): run the program that made it"
        )


def _standing(connection: Connection) -> Standing:
    found = _revision(connection)
    _check_revision(found)
    if found != newest_revision():
        return Standing(is_current=False)
    missing, powers = roles.missing_triggers(connection), roles.powers(connection)
    return Standing(is_current=True, missing_triggers=missing, powers=powers)
