"""`custody refill`: when a vault is refilled from another one, and what became of each."""

from __future__ import annotations

from typing import Annotated

import typer

from custody.cli.access import known_catalogue, now, opened_database, operator
from custody.cli.networks import named_asset
from custody.cli.output import say, show_table, told

app = typer.Typer(no_args_is_help=True, help="Vaults that are refilled from another: set, show.")

VaultId = Annotated[str, typer.Argument(metavar="VAULT", help="The vault's id: vlt_…")]
AssetName = Annotated[str, typer.Argument(metavar="ASSET", help="The asset's id.")]
Why = Annotated[str, typer.Option(help="Why. Kept.")]


@app.command("set")
@told
async def set_refill(
    vault: VaultId,
    asset: AssetName,
    source: Annotated[str, typer.Option(help="From this vault of the same client: vlt_…")],
    low: Annotated[str, typer.Option(help="Below so much, in the asset's unit.")],
    target: Annotated[str, typer.Option(help="To so much, in the asset's unit.")],
    key: Annotated[str, typer.Option(help="Asked for with this API key: key_…")],
    reason: Why,
) -> None:
    """Refill a vault whenever it has too little. By the policy, as whoever has the key asks."""
    from chains.assets import Amount
    from custody.refills.service import NewRule, set_rule

    async with opened_database() as database:
        known = named_asset(asset, await known_catalogue(database))
        new = NewRule(
            source, Amount.parse(known, low).units, Amount.parse(known, target).units, key
        )
        async with database.write() as session:
            place = (vault, known.network, known.id)
            await set_rule(session, *place, new, reason, now(), by=operator())
    say(f"{vault} is refilled from {source} below {low} {known.symbol}")


@app.command()
@told
async def end(vault: VaultId, asset: AssetName, reason: Why) -> None:
    """Refill it no more. A refill that is open goes on."""
    from custody.refills.service import set_rule

    async with opened_database() as database:
        known = named_asset(asset, await known_catalogue(database))
        async with database.write() as session:
            place = (vault, known.network, known.id)
            await set_rule(session, *place, None, reason, now(), by=operator())
    say(f"{vault} is refilled no more")


@app.command()
@told
async def show(vault: VaultId) -> None:
    """Show what refills the vault, who set it, and its newest refills."""
    from chains.model import AssetId
    from custody.cli.amounts import in_units
    from custody.refills.repository import history_of, newest
    from custody.vaults.repository import vault as find

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        async with database.read() as session:
            await find(session, vault)
            history, rows = await history_of(session, vault), await newest(session, vault, None, 20)

    def units(asset: str, amount: int | None) -> str:
        return "none" if amount is None else in_units(AssetId(asset), amount, catalogue)

    show_table(
        "set",
        ("asset", "below", "to", "from", "key", "at", "by", "because"),
        [
            (
                row.asset,
                units(row.asset, row.low),
                units(row.asset, row.target),
                row.source_id or "",
                row.key_id or "",
                f"{row.set_at:%Y-%m-%dT%H:%M:%SZ}",
                row.set_by,
                row.reason,
            )
            for row in history
        ],
    )
    show_table(
        "refills",
        ("number", "amount", "state", "transfer", "code", "since"),
        [
            (
                str(row.number),
                units(row.asset, row.amount),
                row.state,
                row.transfer_id or "",
                row.code or "",
                f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}",
            )
            for row in rows
        ],
    )
