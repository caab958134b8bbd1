"""`custody debits`: what left vaults without a transfer of theirs."""

from __future__ import annotations

from typing import Annotated

import typer

from custody.cli.access import known_catalogue, opened_database
from custody.cli.output import show_table, told


@told
async def debits(
    vault: Annotated[str | None, typer.Option(help="Of this vault alone: vlt_…")] = None,
    network: Annotated[str | None, typer.Option(help="On this network alone.")] = None,
    after: Annotated[str, typer.Option(help="The last id of the page before.")] = "",
) -> None:
    """List foreign debits in the order in which they were seen, 100 at a time."""
    from custody.cli.networks import named_network
    from custody.debits import repository

    async with opened_database() as database, database.read() as session:
        found = None
        if network is not None:
            found = named_network(network, await known_catalogue(database)).id
        rows = await repository.debits(session, vault=vault, network=found, after=after)
    show_table(
        "foreign debits, base units",
        ("id", "vault", "asset", "amount", "owed", "from", "txid", "block", "what", "state", "by"),
        [
            (
                row.id,
                row.vault_id,
                row.asset,
                str(row.amount),
                str(row.owed),
                row.address,
                row.txid,
                str(row.block_height),
                row.verdict,
                row.state,
                row.explained_by or "",
            )
            for row in rows
        ],
    )
