"""`custody alarm`: what a person must look at. What to do about each is in docs/runbook.md."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from custody.cli.access import now, opened_database, operator
from custody.cli.output import say, show_table, told

if TYPE_CHECKING:
    from datetime import datetime

    from custody.db.session import ReadSession
    from custody.db.tables import AlarmRow

app = typer.Typer(no_args_is_help=True, help="Alarms: list, show, clear.")

AlarmId = Annotated[str, typer.Argument(help="The alarm's id: alm_…")]


@app.command("list")
@told
async def list_open(
    include_cleared: Annotated[
        bool, typer.Option("--all", help="Those that were cleared, too.")
    ] = False,
) -> None:
    """List the alarms that are open, the oldest first."""
    async with opened_database() as database, database.read() as session:
        rows = await _every(session, open_only=not include_cleared)
    columns = ("id", "raised", "code", "network", "vault", "message")
    show_table(
        "alarms" if include_cleared else "open alarms",
        (*columns, "cleared") if include_cleared else columns,
        [
            (
                row.id,
                f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}",
                row.code,
                row.network or "",
                row.vault_id or "",
                row.message,
                *([_time(row.cleared_at)] if include_cleared else []),
            )
            for row in rows
        ],
    )


async def _every(session: ReadSession, *, open_only: bool) -> list[AlarmRow]:
    from custody.alarms.repository import alarms
    from custody.db.listing import FIRST

    rows: list[AlarmRow] = []
    window = FIRST
    while page := await alarms(session, open_only=open_only, window=window):
        rows += page
        window = replace(window, after=page[-1].serial)
    return rows


def _time(at: datetime | None) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else ""


@app.command()
@told
async def show(alarm: AlarmId) -> None:
    """Show one alarm, what it means, and where the runbook says what to do."""
    from custody.alarms.codes import CATALOGUE, AlarmCode, runbook_section
    from custody.alarms.repository import alarm as find

    async with opened_database() as database, database.read() as session:
        row = await find(session, alarm)
    code = AlarmCode(row.code)
    ends = "when its cause is gone" if CATALOGUE[code].clears_itself else "when a person clears it"
    say(
        f"alarm    {row.id}",
        f"code     {row.code}: {CATALOGUE[code].words}",
        f"message  {row.message}",
        f"network  {row.network or '-'}",
        f"vault    {row.vault_id or '-'}",
        f"raised   {row.created_at:%Y-%m-%dT%H:%M:%SZ}",
        f"changed  {row.updated_at:%Y-%m-%dT%H:%M:%SZ}",
        f"ends     {ends}",
        f"runbook  {runbook_section(code)}",
    )
    if row.cleared_at is not None:
        say(
            f"cleared  {row.cleared_at:%Y-%m-%dT%H:%M:%SZ} by {row.cleared_by}",
            f"because  {row.cleared_reason}",
        )


@app.command()
@told
async def clear(
    alarm: AlarmId,
    reason: Annotated[str, typer.Option(help="What was found. Kept with the alarm.")],
) -> None:
    """Say that a person has looked. If the cause is still there, the alarm comes back."""
    from custody.alarms.service import dismiss_alarm

    async with opened_database() as database, database.write() as session:
        row = await dismiss_alarm(session, alarm, reason, now(), by=operator())
    say(f"cleared {row.id} ({row.code})")
