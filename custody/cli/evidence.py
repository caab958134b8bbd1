"""`custody evidence`: one payment, or a period whole, as one file, to be checked by who believes
nobody here."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from custody.cli.access import known_catalogue, load_settings, opened_database, signer_client
from custody.cli.output import Failure, Misuse, say, told

if TYPE_CHECKING:
    from custody.audit.bundling import Bundling
    from custody.db.session import Database

app = typer.Typer(no_args_is_help=True, help="Evidence of payments: export it as files.")

_TRANSFER_ID: Final = re.compile(r"tfr_[0-9a-z]{26}", re.ASCII)


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
    from custody.clock import SteadyClock

    if _TRANSFER_ID.fullmatch(transfer) is None:
        raise Misuse("that is not a transfer's id (tfr_…)")
    caller = Caller("", getuser(), None, frozenset())
    async with _bundling() as (_, bundling):
        found = await bundling.export(transfer, caller, SteadyClock()())
    _write(out, found)


@app.command()
@told
async def period(
    first: Annotated[str, typer.Option("--from", help="It begins here: 2026-01-01T00:00:00Z.")],
    before: Annotated[str, typer.Option("--to", help="It ends before here.")],
    log: Annotated[Path, typer.Option(help="A copy of the signer's audit.jsonl.")],
    out: Annotated[Path, typer.Option(help="The file to write. It must not exist yet.")],
    seed: Annotated[str, typer.Option(help="The auditor's, in hex: samples are drawn by it.")] = "",
    samples: Annotated[int, typer.Option(min=0, max=10_000, help="How many to draw.")] = 0,
) -> None:
    """Write all that was asked for, signed and moved between two instants, for `custody-verify
    period`.

    Reads one snapshot of the database and the copy of the log; of samples as `export`."""
    from custody.apikeys.model import Caller
    from custody.audit.period import Asked, NoPeriod, PeriodExport
    from custody.clock import SteadyClock
    from signer.errors import JournalDamaged

    if re.fullmatch(r"([0-9a-f]{2}){16,64}", seed, re.ASCII) is None and (seed or samples):
        raise Misuse("--seed is 16 to 64 bytes in hex, drawn by the auditor")
    asked = Asked(_moment(first), _moment(before), bytes.fromhex(seed), samples)
    caller = Caller("", getuser(), None, frozenset())
    async with _bundling() as (database, bundling):
        try:
            export = PeriodExport(database, bundling, log)
            found = await export.export(asked, caller, SteadyClock()())
        except (NoPeriod, JournalDamaged) as error:
            raise Failure(str(error)) from None
    _write(out, found.data)


def _moment(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise Misuse("--from and --to are like 2026-01-01T00:00:00Z") from None


@asynccontextmanager
async def _bundling() -> AsyncIterator[tuple[Database, Bundling]]:
    from custody.audit.bundling import Bundling
    from custody.log.bundles import BundleLog
    from custody.log.reading import LogReader

    settings = load_settings()
    signer = signer_client(settings)
    try:
        async with opened_database() as database:
            reader = LogReader(database, settings.log_origin)
            log = BundleLog(database, reader, len(settings.log_witnesses))
            yield database, Bundling(database, signer, await known_catalogue(database), log)
    finally:
        await signer.close()


def _write(out: Path, found: bytes) -> None:
    with out.open("xb") as file:
        file.write(found)
    say(f"{out}: {len(found)} bytes")
