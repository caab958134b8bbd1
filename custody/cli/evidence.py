"""`custody evidence`: one payment as one file, to be checked by who believes nobody here."""

from __future__ import annotations

import re
from getpass import getuser
from pathlib import Path
from typing import Annotated, Final

import typer

from custody.cli.access import known_catalogue, load_settings, opened_database, signer_client
from custody.cli.output import Misuse, say, told

app = typer.Typer(no_args_is_help=True, help="Evidence of payments: export it as files.")

_TRANSFER_ID: Final = re.compile(r"tfr_[0-9a-z]{26}", re.ASCII)


@app.callback()
def _group() -> None:
    """Makes `export` a command of its own name, also while it is the only one."""


@app.command()
@told
async def export(
    transfer: Annotated[str, typer.Argument(help="The transfer's id: tfr_…")],
    out: Annotated[Path, typer.Option(help="The file to write. It must not exist yet.")],
) -> None:
    """Write all that shows what became of a final transfer, for custody-verify.

    Reads the database and asks the signer for its log's proofs. Where a transparency log is kept,
    notes there that the bundle was handed out; changes nothing else."""
    from custody.apikeys.model import Caller
    from custody.audit.bundling import Bundling
    from custody.clock import SteadyClock
    from custody.log.bundles import BundleLog
    from custody.log.reading import LogReader

    if _TRANSFER_ID.fullmatch(transfer) is None:
        raise Misuse("that is not a transfer's id (tfr_…)")
    caller = Caller("", getuser(), None, frozenset())
    settings = load_settings()
    signer = signer_client(settings)
    try:
        async with opened_database() as database:
            reader = LogReader(database, settings.log_origin)
            log = BundleLog(database, reader, len(settings.log_witnesses))
            bundling = Bundling(database, signer, await known_catalogue(database), log)
            found = await bundling.export(transfer, caller, SteadyClock()())
    finally:
        await signer.close()
    with out.open("xb") as file:
        file.write(found)
    say(f"{out}: {len(found)} bytes")
