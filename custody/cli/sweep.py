"""`custody sweep`: when a vault's later addresses are swept, and each time that one was."""

from __future__ import annotations

from typing import Annotated

import typer

from custody.cli.access import known_catalogue, now, opened_database, operator
from custody.cli.networks import named_asset
from custody.cli.output import say, show_table, told

app = typer.Typer(no_args_is_help=True, help="Later addresses swept by rule: set, show.")

VaultId = Annotated[str, typer.Argument(metavar="VAULT", help="The vault's id: vlt_…")]
AssetName = Annotated[str, typer.Argument(metavar="ASSET", help="The asset's id.")]
Why = Annotated[str, typer.Option(help="Why. Kept.")]


@app.command("set")
@told
async def set_sweep(
    vault: VaultId,
    asset: AssetName,
    threshold: Annotated[str, typer.Option(help="From so much on, in the asset's unit.")],
    key: Annotated[str, typer.Option(help="Asked for with this API key: key_…")],
    reason: Why,
    every: Annotated[int | None, typer.Option(help="In rounds of so many minutes.")] = None,
    cost_max: Annotated[str | None, typer.Option(help="At this cost at most, in the coin.")] = None,
    percent: Annotated[int | None, typer.Option(help="Of what it brings, at most.")] = None,
    price: Annotated[str | None, typer.Option(help="Of a whole token, in the coin.")] = None,
    close_accounts: Annotated[
        bool,
        typer.Option("--close-accounts", help="Close token accounts it leaves empty (Solana)."),
    ] = False,
) -> None:
    """Sweep addresses that have enough to the one that pays. By the policy, as whoever has the key
    asks."""
    from chains.assets import Amount
    from custody.sweeps.service import NewRule, set_rule

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        known = named_asset(asset, catalogue)
        network = catalogue.networks[known.network]

        def coins(text: str | None) -> int | None:
            return None if text is None else Amount.parse(network.native, text).units

        new = NewRule(
            threshold=Amount.parse(known, threshold).units,
            every_s=None if every is None else every * 60,
            cost_max=coins(cost_max),
            percent=percent,
            price=coins(price),
            key=key,
            closes=close_accounts,
        )
        async with database.write() as session:
            place = (vault, network, known)
            await set_rule(session, *place, new, reason, now(), by=operator())
    say(f"addresses of {vault} are swept from {threshold} {known.symbol} on")


@app.command()
@told
async def end(vault: VaultId, asset: AssetName, reason: Why) -> None:
    """Sweep nothing by rule any more. What is open goes on."""
    from custody.sweeps.service import set_rule

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        known = named_asset(asset, catalogue)
        async with database.write() as session:
            place = (vault, catalogue.networks[known.network], known)
            await set_rule(session, *place, None, reason, now(), by=operator())
    say(f"nothing of {vault} is swept by rule any more")


@app.command()
@told
async def show(vault: VaultId) -> None:
    """Show what is set, who set it, and the newest sweeps with what each would cost."""
    from chains.model import AssetId, NetworkId
    from custody.cli.amounts import in_units
    from custody.sweeps.repository import history_of, newest
    from custody.vaults.repository import vault as find

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        async with database.read() as session:
            await find(session, vault)
            history, rows = await history_of(session, vault), await newest(session, vault, 20)

    def units(asset: str, amount: int | None) -> str:
        return "none" if amount is None else in_units(AssetId(asset), amount, catalogue)

    def coins(network: str, amount: int | None) -> str:
        return units(catalogue.networks[NetworkId(network)].native.id, amount)

    show_table(
        "set",
        (
            "asset",
            "from",
            "every",
            "cost",
            "percent",
            "price",
            "closes",
            "key",
            "at",
            "by",
            "because",
        ),
        [
            (
                row.asset,
                units(row.asset, row.threshold),
                "at once" if row.every_s is None else f"{row.every_s // 60} min",
                coins(row.network, row.cost_max),
                "none" if row.percent is None else str(row.percent),
                coins(row.network, row.price),
                "yes" if row.closes else "no",
                row.key_id or "",
                f"{row.set_at:%Y-%m-%dT%H:%M:%SZ}",
                row.set_by,
                row.reason,
            )
            for row in history
        ],
    )
    show_table(
        "sweeps",
        ("address", "number", "amount", "cost", "returns", "state", "transfer", "code", "since"),
        [
            (
                row.address,
                str(row.number),
                units(row.asset, row.amount),
                coins(row.network, row.cost),
                coins(row.network, row.returns),
                row.state,
                row.transfer_id or "",
                row.code or "",
                f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}",
            )
            for row in rows
        ],
    )
