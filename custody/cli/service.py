"""The operator's commands: the schema, the processes, and the proof that the books are right."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from custody.cli.access import (
    check_role,
    check_server,
    known_catalogue,
    load_settings,
    opened_database,
    operator,
)
from custody.cli.output import FAILED, Failure, Misuse, say, show_table, told

if TYPE_CHECKING:
    from chains.catalogue import Catalogue
    from custody.config import Settings
    from custody.reconcile.report import Line, Report


STOP_S = 5
"""How long requests may take to end when the API is told to stop."""


@told
async def migrate() -> None:
    """Bring the database's schema up to date. Safe to run twice.

    With CUSTODY_DATABASE_OWNER_URL as that role, which then owns the tables; the role of
    CUSTODY_DATABASE_URL gets the rights that the program needs, and no others.
    """
    from custody.cli.access import database_url, owner_url
    from custody.db.migrate import OtherDesign, current_role, upgrade

    url, owner = database_url()[0], owner_url()
    program = None if owner is None else await current_role(url)
    if owner is not None and program in (None, await current_role(owner)):
        raise Misuse(
            "CUSTODY_DATABASE_OWNER_URL and CUSTODY_DATABASE_URL must name two roles of PostgreSQL"
        )
    try:
        await upgrade(owner or url, program=program)
    except OtherDesign as error:
        raise Failure(str(error)) from None
    say("the database's schema is up to date")
    if program is not None:
        say(f"the role {program} has the program's rights and no others")


@told
def serve() -> None:
    """Run the HTTP API; with CUSTODY_RUN_WORKERS (the default) the workers in a process beside it,
    which is started again if it ends and ends with this one."""
    import uvicorn

    settings = load_settings()
    asyncio.run(_check(settings))
    # By name: the api package lies above custody, which may not import it.
    uvicorn.run(
        "api.app:from_environment",
        factory=True,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=settings.body_bytes_max,
        timeout_graceful_shutdown=STOP_S,  # who waits for an event may wait for half a minute
    )


@told
async def worker() -> None:
    """Run the workers alone: follow chains, move transfers, reconcile. Any number may run."""
    settings = load_settings()
    await _check(settings)
    from custody.workers.main import run_until_signal

    await run_until_signal(settings)


@told
async def reconcile() -> None:
    """Compare the ledger with the chains; exit code 1 unless all was compared and is equal.

    As the workers do it: a difference raises an alarm, and a shortage freezes the vault.
    """
    from custody.bootstrap import open_custody
    from custody.ledger.service import Ledger
    from custody.reconcile.service import Reconciliation

    settings = load_settings()
    await _check(settings)
    async with open_custody(settings) as custody:
        report = await Reconciliation(
            custody.database,
            Ledger(custody.clock),
            custody.networks,
            custody.adapters,
            custody.clock,
        ).run(by=operator())
    _show(report, custody.catalogue)
    if not report.is_clean:
        raise typer.Exit(FAILED)


async def _check(settings: Settings) -> None:
    """Better no process than one that fails at each request, or that owns what it must not, or one
    that serves less than it was told to."""
    from custody.catalogue import served

    async with opened_database() as database:
        networks = served(settings, await known_catalogue(database))
        await check_server(settings, networks.values())
        await check_role(settings, networks.values())


def _show(report: Report, catalogue: Catalogue) -> None:
    show_table(
        f"ledger and chain at {report.made_at:%Y-%m-%dT%H:%M:%SZ}",
        ("vault", "asset", "ledger", "chain", "difference", "verdict"),
        [_cells(line, catalogue) for line in report.lines],
    )
    for line in report.lines:
        if line.mismatches:
            say(
                f"{line.vault} {line.asset}: what does not match from block {line.traced_from} on:",
                *(f"  {each.kind} {each.name}" for each in line.mismatches),
            )
    say(
        *(
            f"books: {fault.vault or 'all'}: {fault.asset}: {fault.message}"
            for fault in report.faults
        )
    )
    say(
        f"{report.entries} entries added up, {len(report.faults)} faults;"
        f" {len(report.lines)} balances compared, {len(report.differences)} different,"
        f" {len(report.inconclusive)} could not be compared now"
    )
    say(f"kept as {', '.join(report.kept)}")


def _cells(line: Line, catalogue: Catalogue) -> tuple[str, ...]:
    """What the node did not say is a question mark."""
    verdict = f"{line.verdict}: {line.reason}" if line.reason else f"{line.verdict}"
    ledger, chain = (_amount(line, each, catalogue) for each in (line.ledger, line.chain))
    if line.ledger is None or line.chain is None:
        return line.vault, line.asset, ledger, chain, "?", verdict
    surplus = line.chain - line.ledger
    sign = "-" if surplus < 0 else "+" if surplus else ""
    difference = sign + _amount(line, abs(surplus), catalogue)
    return line.vault, line.asset, ledger, chain, difference, verdict


def _amount(line: Line, units: int | None, catalogue: Catalogue) -> str:
    from custody.cli.amounts import in_units

    return "?" if units is None else in_units(line.asset, units, catalogue)
