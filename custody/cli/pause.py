"""`custody pause`, `resume` and `pauses`: hold back what is new, and let it go on."""

from __future__ import annotations

from typing import Annotated

import typer

from custody.cli.access import known_catalogue, now, opened_database, operator
from custody.cli.output import say, show_table, told


@told
async def pause(
    reason: Annotated[str, typer.Option(help="Why nothing new may leave. Kept.")],
    network: Annotated[str | None, typer.Option(help="On this network: alias or id.")] = None,
    vault: Annotated[str | None, typer.Option(help="Of this vault: vlt_…")] = None,
) -> None:
    """Hold back what is new on a network, of a vault, or of a vault on one network.

    It is accepted and waits. Deposits, cancels and what was sent go on.
    """
    from custody.cli.networks import named_network
    from custody.pauses.service import pause as hold_back

    async with opened_database() as database:
        where = None
        if network is not None:
            where = named_network(network, await known_catalogue(database)).id
        async with database.write() as session:
            row = await hold_back(session, where, vault, reason, now(), by=operator())
    say(f"paused {row.id}")


@told
async def resume(
    pause_id: Annotated[str, typer.Argument(metavar="PAUSE", help="The pause's id: pau_…")],
    reason: Annotated[str, typer.Option(help="What has changed. Kept.")],
) -> None:
    """End a pause. What it held back goes on, unless another one holds it."""
    from custody.pauses.service import resume as let_go

    async with opened_database() as database, database.write() as session:
        await let_go(session, pause_id, reason, now(), by=operator())
    say(f"resumed {pause_id}")


@told
async def pauses(
    every: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
) -> None:
    """List what is paused, by whom and why."""
    from custody.pauses.repository import pauses as stored

    async with opened_database() as database, database.read() as session:
        rows = await stored(session, open_only=not every)
    show_table(
        "pauses",
        ("id", "network", "vault", "since", "reason", "by", "ended", "by", "because"),
        [
            (
                row.id,
                row.network or "",
                row.vault_id or "",
                f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}",
                row.reason,
                row.paused_by,
                f"{row.ended_at:%Y-%m-%dT%H:%M:%SZ}" if row.ended_at else "",
                row.ended_by or "",
                row.ended_reason or "",
            )
            for row in rows
        ],
    )
