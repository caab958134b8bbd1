"""`custody vault`: stop a vault, see why one stands still, and let it go on."""

from __future__ import annotations

from typing import Annotated

import typer

from custody.cli import move
from custody.cli.access import (
    known_catalogue,
    load_settings,
    now,
    opened_database,
    operator,
)
from custody.cli.output import note, say, show_table, told

app = typer.Typer(
    no_args_is_help=True, help="Vaults: list, show, freeze, unfreeze, cap fees, move to new keys."
)
app.add_typer(move.app, name="move")

VaultId = Annotated[str, typer.Argument(help="The vault's id: vlt_…")]


@app.command("list")
@told
async def list_frozen(
    every: Annotated[bool, typer.Option("--all", help="Those that are not frozen, too.")] = False,
) -> None:
    """List the vaults that are frozen."""
    from custody.vaults.repository import vaults_with_freezes

    async with opened_database() as database, database.read() as session:
        rows = await vaults_with_freezes(session, frozen_only=not every)
    show_table(
        "vaults" if every else "frozen vaults",
        ("id", "client", "name", "frozen because"),
        [(row.id, row.client_id, row.name, row.frozen_reason or "") for row in rows],
    )


@app.command()
@told
async def show(vault: VaultId) -> None:
    """Show why a vault was frozen, who ended it, and how it compared with the chain last."""
    from custody.reconcile.repository import kept_lines
    from custody.vaults.freezes import freezes_of
    from custody.vaults.repository import vault as find

    async with opened_database() as database, database.read() as session:
        row = await find(session, vault)
        freezes, lines = await freezes_of(session, vault), await kept_lines(session, vault)
    say(
        f"vault   {row.id}: {row.name}",
        f"client  {row.client_id}",
        f"frozen  {row.frozen_reason or 'no'}",
    )
    show_table(
        "freezes",
        ("since", "reason", "by", "ended", "by", "because", "differed then"),
        [
            (
                f"{each.created_at:%Y-%m-%dT%H:%M:%SZ}",
                each.reason,
                each.frozen_by,
                f"{each.ended_at:%Y-%m-%dT%H:%M:%SZ}" if each.ended_at else "",
                each.ended_by or "",
                each.ended_reason or "",
                each.difference or "",
            )
            for each in freezes
        ],
    )
    show_table(
        "newest comparison with the chain, base units",
        ("asset", "ledger", "chain", "verdict", "at"),
        [
            (
                each.asset,
                "?" if each.ledger is None else str(each.ledger),
                "?" if each.chain is None else str(each.chain),
                f"{each.verdict}: {each.reason}" if each.reason else each.verdict,
                f"{each.compared_at:%Y-%m-%dT%H:%M:%SZ}",
            )
            for each in lines
        ],
    )


@app.command()
@told
async def freeze(
    vault: VaultId,
    reason: Annotated[str, typer.Option(help="Why nothing may leave. Kept.")],
) -> None:
    """From now on nothing leaves the vault. What is signed already goes on; deposits arrive."""
    from custody.vaults.freezes import freeze as freeze_vaults
    from custody.vaults.repository import vault as find

    async with opened_database() as database, database.write() as session:
        await find(session, vault)
        await freeze_vaults(session, [vault], reason, now(), by=operator())
    say(f"frozen {vault}")


@app.command()
@told
async def unfreeze(
    vault: VaultId,
    reason: Annotated[str, typer.Option(help="What was found. Kept.")],
    despite_difference: Annotated[
        bool,
        typer.Option(
            "--despite-difference",
            help="Also if they differ or can't be compared. What differs is kept.",
        ),
    ] = False,
) -> None:
    """Compare the vault with the chain, say what differs, and let it go on."""
    from custody.bootstrap import open_custody
    from custody.reconcile.report import Verdict, in_words
    from custody.services import make_services

    settings = load_settings()
    async with opened_database():
        pass
    async with open_custody(settings) as custody:
        done = await make_services(custody).unfreezing.unfreeze(
            vault, reason, by=operator(), despite_difference=despite_difference
        )
    for line in done.lines:
        if line.verdict is not Verdict.EQUAL:
            note(f"still differs: {in_words(line)}")
    for each in done.ended:
        say(f"ended the freeze since {each.created_at:%Y-%m-%dT%H:%M:%SZ}: {each.reason}")
    say(f"unfrozen {vault}")


@app.command("fee-cap")
@told
async def fee_cap(
    vault: VaultId,
    network: Annotated[str, typer.Argument(help="Alias or id.")],
    reason: Annotated[str, typer.Option(help="Why. Kept.")],
    amount: Annotated[
        str | None, typer.Option(help="In the native asset's unit. Without one there is no cap.")
    ] = None,
) -> None:
    """Set the most that the vault's fees on a network may come to in 24 hours, or no such cap."""
    from chains.assets import Amount
    from custody.cli.amounts import in_units
    from custody.cli.networks import named_network
    from custody.transactions.feecaps.service import set_cap
    from custody.vaults.repository import vault as find

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        native = named_network(network, catalogue).native
        units = None if amount is None else Amount.parse(native, amount).units
        async with database.write() as session:
            await find(session, vault)
            done = await set_cap(
                session, vault, native.network, units, reason, now(), by=operator()
            )
    cap = "none" if units is None else in_units(native.id, units, catalogue)
    say(f"cap {cap}; {in_units(native.id, done.used, catalogue)} used in the last 24 hours")


@app.command("fee-caps")
@told
async def fee_caps(vault: VaultId) -> None:
    """Show the vault's caps on fees, what is used of them, and who set them."""
    from custody.cli.amounts import in_units
    from custody.transactions.feecaps.repository import history_of
    from custody.transactions.feecaps.service import standings
    from custody.vaults.repository import vault as find

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        async with database.read() as session:
            await find(session, vault)
            found, history = await standings(session, vault), await history_of(session, vault)

    def shown(network: str, units: int | None) -> str:
        if units is None:
            return "none"
        return in_units(catalogue.find_network(network).native.id, units, catalogue)

    show_table(
        "caps on fees",
        ("network", "cap", "used in 24 hours"),
        [
            (each.network, shown(each.network, each.cap.amount), shown(each.network, each.used))
            for each in found
        ],
    )
    show_table(
        "set",
        ("network", "cap", "at", "by", "because"),
        [
            (
                row.network,
                shown(row.network, row.amount),
                f"{row.set_at:%Y-%m-%dT%H:%M:%SZ}",
                row.set_by,
                row.reason,
            )
            for row in history
        ],
    )
