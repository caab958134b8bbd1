"""`custody vault move`: a vault to new keys, and how far it is."""

from __future__ import annotations

from typing import Annotated

import typer

from custody.cli.access import known_catalogue, load_settings, now, opened_database, operator
from custody.cli.output import say, show_table, told

app = typer.Typer(no_args_is_help=True, help="To new keys: begin, show, stop.")

VaultId = Annotated[str, typer.Argument(metavar="VAULT", help="The vault's id: vlt_…")]
Why = Annotated[str, typer.Option(help="Why. Kept.")]


@app.command()
@told
async def begin(
    vault: VaultId,
    key: Annotated[str, typer.Option(help="Asked for with this API key: key_…")],
    reason: Why,
    to: Annotated[
        str | None, typer.Option(help="An existing vault; without, one with new keys is made.")
    ] = None,
) -> None:
    """From now on the vault gives out no address and pays nobody; what it has, and what still
    comes, goes to the one with new keys, by the policy. Again, with another key, it goes on."""
    from custody.bootstrap import open_custody
    from custody.moves.service import Moves
    from custody.vaults.service import Vaults

    settings = load_settings()
    async with opened_database():
        pass
    async with open_custody(settings) as custody:
        vaults = Vaults(custody.database, custody.signer, custody.codecs, custody.clock)
        moves = Moves(custody.database, vaults, custody.clock)
        row = await moves.begin(vault, key, reason, by=operator(), to=to)
    say(f"{vault} is moved to {row.successor_id}")


@app.command()
@told
async def stop(vault: VaultId, reason: Why) -> None:
    """Ask for nothing more. What is open goes on; the vault stays retired."""
    from custody.moves.service import stop as stop_asking

    async with opened_database() as database, database.write() as session:
        row = await stop_asking(session, vault, reason, now(), by=operator())
    say(f"nothing more of {vault} is moved to {row.successor_id}")


@app.command()
@told
async def show(vault: VaultId) -> None:
    """Show where it goes, what is left and where, what is under way, and the newest steps."""
    from chains.model import AssetId
    from custody.cli.amounts import in_units
    from custody.ledger.repository import balances_of_vault
    from custody.moves.repository import newest, under_way
    from custody.vaults import moved_repository as moved
    from custody.vaults.repository import vault as find

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        async with database.read() as session:
            await find(session, vault)
            history = await moved.history_of(session, vault)
            balances = await balances_of_vault(session, vault)
            rows, open_ = await newest(session, vault, 20), await under_way(session, vault)

    def units(asset: str, amount: int) -> str:
        return in_units(AssetId(asset), amount, catalogue)

    kinds = ("available", "unswept", "reserved", "pending", "quarantined", "suspense", "locked")
    left = [
        (each.asset, *(units(each.asset, getattr(each, kind)) for kind in kinds))
        for each in balances
        if any(getattr(each, kind) for kind in kinds)
    ]
    show_table(
        "set",
        ("to", "key", "at", "by", "because"),
        [
            (
                row.successor_id,
                row.key_id or "stopped",
                f"{row.set_at:%Y-%m-%dT%H:%M:%SZ}",
                row.set_by,
                row.reason,
            )
            for row in history
        ],
    )
    show_table("left", ("asset", *kinds), left)
    show_table(
        "steps",
        ("asset", "number", "was there", "state", "transfer", "code", "since"),
        [
            (
                row.asset,
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
    say(f"{open_} transfers of the vault have not ended", "nothing is left" if not left else "")
