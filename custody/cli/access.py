"""What commands work on: the settings and a database whose schema is this program's."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from custody.cli.output import Failure, Misuse

if TYPE_CHECKING:
    from chains.catalogue import Catalogue
    from chains.networks import Network
    from custody.config import Settings
    from custody.db.session import Database
    from signer.client import SignerClient


def load_settings() -> Settings:
    """Raises Misuse naming the setting that is wrong, never its value: it may be a password."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from custody.config import Settings, complaints

    try:
        return Settings()
    except ValidationError as error:
        raise Misuse("; ".join(complaints(error))) from None
    except SettingsError as error:
        raise Misuse(f"{error}; lists and tables are written as JSON") from None


def signer_client(settings: Settings) -> SignerClient:
    """Not connected yet. Raises Misuse."""
    from custody.signerlink import BadLink, connect_signer

    try:
        return connect_signer(settings)
    except BadLink as error:
        raise Misuse(str(error)) from None


async def known_catalogue(database: Database | None) -> Catalogue:
    """The networks and assets of the policy in force, or of the newest that `database` has."""
    from custody.catalogue import catalogue_in_force

    signer = signer_client(load_settings())
    try:
        return await catalogue_in_force(signer, database)
    finally:
        await signer.close()


def database_url() -> tuple[str, Path | None]:
    """The configured URL and, for SQLite, its file. Raises Misuse for none, or none of ours."""
    from custody.config import Unset

    try:
        url = load_settings().database
    except Unset as error:
        raise Misuse(str(error)) from None
    return _checked("CUSTODY_DATABASE_URL", url)


def owner_url() -> str | None:
    """The same of the role that owns the tables, if there is one."""
    url = load_settings().database_owner_url
    if url is None:
        return None
    return _checked("CUSTODY_DATABASE_OWNER_URL", url.get_secret_value())[0]


def _checked(name: str, url: str) -> tuple[str, Path | None]:
    from sqlalchemy.exc import ArgumentError

    from custody.db.engines import BadUrl, open_engines

    try:
        file = open_engines(url).file
    except (ArgumentError, ValueError) as error:
        wanted = f"{name} must be sqlite+aiosqlite:///FILE or postgresql+psycopg://…"
        why = f": {error}" if isinstance(error, BadUrl) else ""
        raise Misuse(wanted + why) from None
    if file is not None and (file.is_dir() or not file.parent.is_dir()):
        raise Misuse(f"{name}: {file} can't be a file")
    return url, file


async def check_role(settings: Settings, networks: Iterable[Network]) -> None:
    """Where main networks are served, the program's role must not be able to rewrite the past.
    Raises Failure unless the settings accept it in words."""
    from custody.db.migrate import standing

    if not _are_serious(networks) or settings.accept_owning_role:
        return
    found = await standing(settings.database)
    if found.powers:
        raise Failure(
            "CUSTODY_DATABASE_URL names a role that can rewrite the past:"
            f" {'; '.join(found.powers)}. Give the program a role of its own"
            " (docs/runbook.md, Give the program a role of its own), or accept it:"
            " CUSTODY_ACCEPT_OWNING_ROLE=true"
        )


async def check_server(settings: Settings, networks: Iterable[Network]) -> None:
    """The server must take writes; where main networks are served, it must also keep what it has
    confirmed. Raises Failure."""
    from custody.db.durability import weaknesses

    found = await weaknesses(settings.database, serious=_are_serious(networks))
    if found:
        raise Failure(
            "CUSTODY_DATABASE_URL names a server that can't be worked with:"
            f" {'; '.join(found)} (docs/scaling.md)"
        )


def _are_serious(networks: Iterable[Network]) -> bool:
    from chains.networks import Environment

    return any(each.environment is Environment.MAIN for each in networks)


@asynccontextmanager
async def opened_database() -> AsyncIterator[Database]:
    """The configured database. Raises Failure if `custody migrate` has not been run on it, if
    another version of this program made it, or if what protects the past was taken out since."""
    from custody.db.migrate import OtherDesign, standing
    from custody.db.session import Database
    from custody.workers.logs import configure_logging

    configure_logging()  # standard output is for what the command has to say
    url, file = database_url()
    try:
        # Looking into a file that is not there would make one.
        found = None if file is not None and not file.is_file() else await standing(url)
    except OtherDesign as error:
        raise Failure(str(error)) from None
    if found is None or not found.is_current:
        raise Failure("the database has not this program's schema: run custody migrate")
    if found.missing_triggers:
        missing = ", ".join(found.missing_triggers)
        raise Failure(
            f"the database does not protect the past: {missing} missing or switched off."
            " Find out who did that; the statements are in custody/db/schema.sql"
        )
    database = Database(url)
    try:
        yield database
    finally:
        await database.close()


def operator() -> str:
    """Who types, for what is kept of a person's decision: the account on this machine."""
    try:
        return f"{getpass.getuser()}@{socket.gethostname()}"
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}@{socket.gethostname()}"


def now() -> datetime:
    """In whole seconds, as documents write times."""
    return datetime.now(UTC).replace(microsecond=0)
