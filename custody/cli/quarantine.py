"""`custody quarantine`: deposits that are held before they are credited, and the rules that hold
them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from custody.cli.access import known_catalogue, load_settings, now, opened_database, operator
from custody.cli.output import Misuse, say, show_table, told

if TYPE_CHECKING:
    from chains.catalogue import Catalogue
    from custody.db.quarantine_tables import QuarantineRuleRow
    from custody.db.session import Database
    from custody.quarantine.service import Desk, NewRule

app = typer.Typer(
    no_args_is_help=True, help="Deposits that are held: hold, release, list; and rules for it."
)

Deposit = Annotated[str, typer.Argument(metavar="DEPOSIT", help="The deposit's id: dep_…")]


@app.command()
@told
async def hold(
    deposit: Deposit,
    reason: Annotated[str, typer.Option(help="Why it is looked at first. Kept.")],
) -> None:
    """Hold a deposit that is not credited yet, until it is released."""
    from custody.quarantine.service import hold as keep

    async with _desk() as (database, desk), database.write() as session:
        await keep(session, desk, deposit, reason, now(), by=operator())
    say(f"held {deposit}")


@app.command()
@told
async def release(
    deposit: Deposit,
    reason: Annotated[str, typer.Option(help="What was found. Kept.")],
) -> None:
    """Let a held deposit go on. It is credited when it is final, at once if it is."""
    from custody.quarantine.service import release as let_go

    async with _desk() as (database, desk), database.write() as session:
        row = await let_go(session, desk, deposit, reason, now(), by=operator())
        state = row.state
    say(f"released {deposit}: {state}")


@app.command("list")
@told
async def list_held() -> None:
    """List what is held now, by whom and why."""
    from chains.model import AssetId
    from custody.cli.amounts import in_units
    from custody.quarantine.repository import held

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        async with database.read() as session:
            rows = await held(session)
    show_table(
        "held deposits",
        ("deposit", "vault", "amount", "since", "by", "reason", "rule"),
        [
            (
                deposit.id,
                deposit.vault_id,
                in_units(AssetId(deposit.asset), deposit.amount, catalogue),
                f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}",
                row.held_by,
                row.reason,
                row.rule_id or "",
            )
            for deposit, row in rows
        ],
    )


@app.command()
@told
async def rule(
    reason: Annotated[str, typer.Option(help="Why they are looked at first. Kept.")],
    client: Annotated[str | None, typer.Option(help="Of this client: cli_…")] = None,
    vault: Annotated[str | None, typer.Option(help="To this vault: vlt_…")] = None,
    network: Annotated[str | None, typer.Option(help="On this network: alias or id.")] = None,
    asset: Annotated[str | None, typer.Option(help="Of this asset: id; with its network.")] = None,
    amount_from: Annotated[
        str | None, typer.Option(help="Of so much or more, in the asset's unit.")
    ] = None,
    sender: Annotated[
        list[str] | None, typer.Option(help="From this address of the network. Repeatable.")
    ] = None,
) -> None:
    """Hold all deposits from now on that fit. What is not named fits every deposit."""
    from custody.quarantine.service import set_rule

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        new = _rule_of(catalogue, client, vault, network, asset, amount_from, sender)
        async with database.write() as session:
            row = await set_rule(session, new, reason, now(), by=operator())
    say(f"rule {row.id}")


def _rule_of(
    catalogue: Catalogue,
    client: str | None,
    vault: str | None,
    network: str | None,
    asset: str | None,
    amount_from: str | None,
    senders: list[str] | None,
) -> NewRule:
    """Raises Misuse, InvalidAmount."""
    from chains.assets import Amount
    from custody.cli.networks import named_asset, named_network
    from custody.quarantine.service import NewRule

    known = None if asset is None else named_asset(asset, catalogue)
    if amount_from is not None and known is None:
        raise Misuse("--amount-from is an amount of the asset that --asset names")
    units = None
    if amount_from is not None and known is not None:
        units = Amount.parse(known, amount_from).units
    return NewRule(
        client=client,
        vault=vault,
        network=None if network is None else named_network(network, catalogue),
        asset=None if known is None else known.id,
        amount_from=units,
        senders=tuple(senders) if senders else None,
    )


@app.command("end-rule")
@told
async def end_rule(
    rule_id: Annotated[str, typer.Argument(metavar="RULE", help="The rule's id: qrl_…")],
    reason: Annotated[str, typer.Option(help="What has changed. Kept.")],
) -> None:
    """End a rule. What it held stays held until it is released."""
    from custody.quarantine.service import end_rule as end

    async with opened_database() as database, database.write() as session:
        await end(session, rule_id, reason, now(), by=operator())
    say(f"ended {rule_id}")


@app.command()
@told
async def rules(
    every: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
) -> None:
    """List the rules that hold deposits, who set them and why."""
    from custody.quarantine.repository import rules as stored
    from custody.quarantine.repository import senders_of

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        async with database.read() as session:
            rows = await stored(session, open_only=not every)
            senders = await senders_of(session, [row.id for row in rows])
    show_table(
        "rules that hold deposits",
        ("id", "whose", "network", "asset", "from", "senders", "set", "by", "reason", "ended"),
        [
            (
                row.id,
                row.client_id or row.vault_id or "everybody's",
                row.network or "",
                row.asset or "",
                _least(row, catalogue),
                " ".join(senders.get(row.id, [])),
                f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}",
                row.set_by,
                row.reason,
                f"{row.ended_at:%Y-%m-%dT%H:%M:%SZ} {row.ended_by}" if row.ended_at else "",
            )
            for row in rows
        ],
    )


def _least(row: QuarantineRuleRow, catalogue: Catalogue) -> str:
    from chains.model import AssetId
    from custody.cli.amounts import in_units

    if row.amount_from is None or row.asset is None:
        return ""
    return in_units(AssetId(row.asset), row.amount_from, catalogue)


@asynccontextmanager
async def _desk() -> AsyncIterator[tuple[Database, Desk]]:
    """What holding and releasing needs: the policy's networks, and the same settings as the
    workers have."""
    from custody.catalogue import minimums
    from custody.ledger.service import Ledger
    from custody.quarantine.service import Desk

    settings = load_settings()
    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        least = minimums(settings, catalogue)
        yield database, Desk(Ledger(now), catalogue, least, settings.quarantine_four_eyes)
