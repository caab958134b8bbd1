"""`custody log`: the transparency log's key, its files for a static server, what was logged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from custody.cli.access import load_settings, opened_database
from custody.cli.output import Failure, Misuse, say, told

app = typer.Typer(no_args_is_help=True, help="The transparency log: key, files, proofs.")


@app.command()
@told
def create_key(
    out: Annotated[Path, typer.Option(help="The key file to write. It must not exist yet.")],
    origin: Annotated[str, typer.Option(help="What the log calls itself: custody.example/log/1")],
) -> None:
    """Make the log's key, and show its public half for witnesses and auditors."""
    from custody.cli.keyfile import write_new
    from custody.log.key import LogKey, new_key

    write_new(out, new_key(), mode=0o600)
    say(LogKey.load(out, origin).verifier_key)


@app.command()
@told
def show_key() -> None:
    """Show the public half of the log's key, as witnesses and auditors pin it."""
    from custody.log.key import BadKeyFile, LogKey

    settings = load_settings()
    if settings.log_key_file is None or settings.log_origin is None:
        raise Misuse("CUSTODY_LOG_ORIGIN and CUSTODY_LOG_KEY_FILE are not set")
    try:
        say(LogKey.load(settings.log_key_file, settings.log_origin).verifier_key)
    except BadKeyFile as error:
        raise Failure(str(error)) from None


@app.command()
@told
async def export(
    out: Annotated[Path, typer.Option(help="A folder. What is missing there is written.")],
) -> None:
    """Write the log's tiles and checkpoint as files that any static server can serve."""
    from custody.log.reading import LogReader

    settings = load_settings()
    async with opened_database() as database:
        size = await LogReader(database, settings.log_origin).export(out)
    say(f"{out}: {size} leaves")


@app.command()
@told
async def prove(
    digest: Annotated[str, typer.Argument(help="A bundle's digest, as custody-verify shows it.")],
    out: Annotated[Path, typer.Option(help="The .tlog-proof to write. It must not exist yet.")],
) -> None:
    """Write the proof that a bundle of evidence was logged, with the newest cosignatures."""
    from custody.cli.keyfile import write_new
    from custody.log.leaf import Kind
    from custody.log.reading import LogReader

    settings = load_settings()
    async with opened_database() as database:
        proof = await LogReader(database, settings.log_origin).proof(Kind.EVIDENCE, digest)
    write_new(out, proof.encode())


@app.command()
@told
async def adopt() -> None:
    """Take what the database says of the log for what was published last, and write it beside the
    key. Only where the file was lost and the database was never put back."""
    from custody.log import repository
    from custody.log.key import BadKeyFile, LogKey, Published
    from signer.checkpoint import open_checkpoint
    from signer.tree import ProofInvalid

    settings = load_settings()
    path, origin = settings.log_key_file, settings.log_origin
    if path is None or origin is None:
        raise Misuse("CUSTODY_LOG_ORIGIN and CUSTODY_LOG_KEY_FILE are not set")
    try:
        key, published = LogKey.load(path, origin), Published(path)
    except BadKeyFile as error:
        raise Failure(str(error)) from None
    if published.read(origin) is not None:
        raise Failure("what was published last is kept beside the key; it is never replaced")
    async with opened_database() as database, database.read() as session:
        newest = await repository.newest_checkpoint(session, origin)
    if newest is None:
        raise Failure(f"the database has no checkpoint of {origin}")
    try:
        open_checkpoint(newest.note, key.public)
    except ProofInvalid as error:
        raise Failure(str(error)) from None
    published.write(origin, newest.note)
    say(f"{origin}: {newest.size} leaves")
