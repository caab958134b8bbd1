"""`custody backup` and `custody restore`: database and signer, as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from custody.cli.access import database_url, now
from custody.cli.output import Failure, Misuse, say, told

To = Annotated[Path, typer.Option("--to", help="A folder that does not exist yet.")]
From = Annotated[Path, typer.Option("--from", help="What `custody backup` made.")]
SignerState = Annotated[
    Path | None,
    typer.Option(help="The signer's state directory, where it is on this machine."),
]
NoDatabase = Annotated[
    bool, typer.Option("--no-database", help="The signer alone: pg_dump has the database.")
]


@told
def backup(to: To, signer_state: SignerState = None, no_database: NoDatabase = False) -> None:
    """Copy the database, then the signer's keystore and log. Both may be in use.

    SQLite only: PostgreSQL is copied with pg_dump first, and the signer with --no-database after.
    """
    from custody.backups import BadBackup, take

    database = _file(no_database)
    _something(database, signer_state)
    try:
        names = take(to, database, signer_state, now())
    except BadBackup as error:
        raise Failure(str(error)) from None
    say(f"{to} holds {', '.join(names)}")


@told
def restore(
    source: From, signer_state: SignerState = None, no_database: NoDatabase = False
) -> None:
    """Put the database back, and the signer's keystore. Writes over nothing."""
    from custody.backups import LOG, BadBackup, put_back

    database = _file(no_database)
    _something(database, signer_state)
    try:
        names = put_back(source, database, signer_state)
    except BadBackup as error:
        raise Failure(str(error)) from None
    say(f"{', '.join(names)} are back")
    if signer_state is not None:
        say(
            "next: custody-keys recover --log COPY, with the newest copy of the signer's log that"
            f" anybody has; {source / LOG} is the one of this backup"
        )
    say("then start signer and custody, and custody recover")


def _file(no_database: bool) -> Path | None:
    if no_database:
        return None
    file = database_url()[1]
    if file is None:
        raise Misuse(
            "CUSTODY_DATABASE_URL is PostgreSQL's: its copy is made with pg_dump -Fc and put back"
            " with pg_restore; give --no-database for the signer"
        )
    return file


def _something(database: Path | None, signer: Path | None) -> None:
    if database is None and signer is None:
        raise Misuse("--no-database without --signer-state is nothing")
