"""`custody suspense`: money on vaults' addresses that is nobody's deposit, and its way out."""

from __future__ import annotations

from typing import Annotated

import typer

from custody.cli.access import known_catalogue, now, opened_database, operator
from custody.cli.networks import named_asset
from custody.cli.output import Misuse, say, show_table, told

app = typer.Typer(no_args_is_help=True, help="Money that is nobody's deposit: list, release.")


@app.command("list")
@told
async def list_suspended(
    vault: Annotated[str | None, typer.Option(help="Of this vault alone: vlt_…")] = None,
) -> None:
    """List what is in suspense."""
    from custody.vaults.suspense import suspended

    async with opened_database() as database, database.read() as session:
        found = await suspended(session, vault)
    show_table(
        "in suspense, base units",
        ("vault", "asset", "amount"),
        [(each.vault, each.asset, str(each.amount)) for each in found],
    )


@app.command()
@told
async def release(
    vault: Annotated[str, typer.Argument(help="The vault's id: vlt_…")],
    asset: Annotated[str, typer.Argument(help="The asset's id, as the list shows it.")],
    base_units: Annotated[int, typer.Argument(help="How much of it.")],
    to: Annotated[
        str,
        typer.Option(
            help="vault: it is its own, where it pays from; unswept: its own,"
            " on another address; chain: it is not there any more."
        ),
    ],
    reason: Annotated[str, typer.Option(help="What was found. Kept.")],
) -> None:
    """Decide whose it is. What becomes the vault's can leave as all its money: by the policy."""
    from custody.ledger.service import Ledger
    from custody.vaults.suspense import Destination, Suspended, decide

    try:
        destination = Destination(to)
    except ValueError:
        raise Misuse(f"--to is one of {', '.join(Destination)}") from None
    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        known = named_asset(asset, catalogue)
        network, what = catalogue.networks[known.network], Suspended(vault, known.id, base_units)
        async with database.write() as session:
            ledger = Ledger(now)
            await decide(session, ledger, network, what, destination, reason, now(), by=operator())
    say(f"{base_units} of {known.id} went from suspense to {destination}")
