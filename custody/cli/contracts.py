"""`custody contract-stops` and `lift-stop`: contracts that a vault calls no more."""

from __future__ import annotations

from typing import Annotated

import typer

from custody.cli.access import now, opened_database, operator
from custody.cli.output import say, show_table, told


@told
async def contract_stops(
    every: Annotated[bool, typer.Option("--all", help="Those that were lifted, too.")] = False,
) -> None:
    """List contracts that vaults call no more, since a call did more than was agreed on."""
    from custody.outcomes.repository import stops

    async with opened_database() as database, database.read() as session:
        rows = await stops(session, open_only=not every)
    show_table(
        "contract stops",
        ("id", "vault", "network", "contract", "transfer", "since", "reason", "lifted", "by"),
        [
            (
                row.id,
                row.vault_id,
                row.network,
                row.contract,
                row.transfer_id,
                f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}",
                row.reason,
                f"{row.ended_at:%Y-%m-%dT%H:%M:%SZ}" if row.ended_at else "",
                row.ended_by or "",
            )
            for row in rows
        ],
    )


@told
async def lift_stop(
    stop_id: Annotated[str, typer.Argument(metavar="STOP", help="The stop's id: cst_…")],
    reason: Annotated[str, typer.Option(help="What was found. Kept.")],
) -> None:
    """Let a vault call a contract again."""
    from custody.outcomes.stops import lift

    async with opened_database() as database, database.write() as session:
        await lift(session, stop_id, reason, now(), by=operator())
    say(f"lifted {stop_id}")
