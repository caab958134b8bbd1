"""`custody gas`: who brings coins to addresses that have only tokens, and each time that it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from custody.cli.access import known_catalogue, now, opened_database, operator
from custody.cli.networks import named_network
from custody.cli.output import Misuse, say, show_table, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chains.catalogue import Catalogue
    from custody.db.gas_tables import GasCarrierRow, GasRuleRow, GasTopUpRow

app = typer.Typer(no_args_is_help=True, help="Coins for the fees of tokens: set who pays, show.")

NetworkName = Annotated[str, typer.Argument(metavar="NETWORK", help="The network's name or id.")]
ClientId = Annotated[str | None, typer.Option("--client", help="Only of this client: cli_…")]
Why = Annotated[str, typer.Option(help="Why. Kept.")]


@app.command("set")
@told
async def set_gas(
    network: NetworkName,
    payer: Annotated[str, typer.Option(help="From this vault: vlt_…")],
    each: Annotated[str, typer.Option(help="At most so much at a time, in the coin's unit.")],
    day: Annotated[str, typer.Option(help="At most so much in 24 hours, in the coin's unit.")],
    bears: Annotated[str, typer.Option(help="Who bears it: client or house.")],
    key: Annotated[str, typer.Option(help="Asked for with this API key: key_…")],
    reason: Why,
    client: ClientId = None,
    carries: Annotated[
        bool,
        typer.Option(
            "--carries",
            help="Submit payments that the address signs, where the token can (EIP-3009, Solana).",
        ),
    ] = False,
) -> None:
    """Bring coins to addresses whose payments of tokens wait for them. By the policy, as whoever
    has the key asks."""
    from chains.assets import Amount
    from custody.gas.model import Bearer
    from custody.gas.service import NewRule, set_rule

    if bears not in list(Bearer):
        raise Misuse("--bears is client or house")
    async with opened_database() as database:
        known = named_network(network, await known_catalogue(database))
        most_each, most_day = (Amount.parse(known.native, text).units for text in (each, day))
        new = NewRule(payer, most_each, most_day, Bearer(bears), key, carries)
        async with database.write() as session:
            await set_rule(session, known, client, new, reason, now(), by=operator())
    say(f"{payer} brings coins on {known.alias}, at most {each} {known.native.symbol} at a time")


@app.command()
@told
async def end(network: NetworkName, reason: Why, client: ClientId = None) -> None:
    """By this rule nothing more is brought. What is open goes on."""
    from custody.gas.service import set_rule

    async with opened_database() as database:
        known = named_network(network, await known_catalogue(database))
        async with database.write() as session:
            await set_rule(session, known, client, None, reason, now(), by=operator())
    say(f"the rule for {client or 'everybody'} on {known.alias} counts no more")


@app.command()
@told
async def show() -> None:
    """Show what is set, who set it, the newest top-ups, what waits, and who owes what."""
    from custody.cli.amounts import in_units
    from custody.gas.repository import carriers_of, claims, newest, rules
    from custody.transfers.gas_repository import open_needs

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        async with database.read() as session:
            history, top_ups = await rules(session), await newest(session, None, 20)
            carriers = await carriers_of(session, None, 20)
            needs, owed = await open_needs(session), await claims(session)
    _show_rules(history, catalogue)
    _show_top_ups(top_ups, catalogue)
    _show_carriers(carriers, catalogue)
    show_table(
        "waiting",
        ("transfer", "vault", "address", "needs"),
        [
            (
                need.transfer_id,
                need.vault_id,
                need.address,
                _units(need.network, sum(need.costs.values()), catalogue),
            )
            for need, _ in needs
        ],
    )
    show_table(
        "claims",
        ("vault", "asset", "is owed or, below zero, owes"),
        [(vault, asset, in_units(asset, amount, catalogue)) for vault, asset, amount in owed],
    )


def _show_rules(rows: Sequence[GasRuleRow], catalogue: Catalogue) -> None:
    show_table(
        "set",
        (
            "network",
            "client",
            "from",
            "each",
            "day",
            "bears",
            "carries",
            "key",
            "at",
            "by",
            "because",
        ),
        [
            (
                row.network,
                row.client or "everybody",
                row.payer_id or "",
                _units(row.network, row.most_each, catalogue),
                _units(row.network, row.most_day, catalogue),
                row.bears or "",
                "yes" if row.carries else "",
                row.key_id or "",
                f"{row.set_at:%Y-%m-%dT%H:%M:%SZ}",
                row.set_by,
                row.reason,
            )
            for row in rows
        ],
    )


def _show_top_ups(rows: Sequence[GasTopUpRow], catalogue: Catalogue) -> None:
    show_table(
        "top-ups",
        ("vault", "address", "number", "amount", "state", "transfer", "code", "since"),
        [
            (
                row.vault_id,
                row.address,
                str(row.number),
                _units(row.network, row.amount, catalogue),
                row.state,
                row.transfer_id or "",
                row.code or "",
                f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}",
            )
            for row in rows
        ],
    )


def _show_carriers(rows: Sequence[GasCarrierRow], catalogue: Catalogue) -> None:
    show_table(
        "submitted",
        ("vault", "payment", "number", "at most", "state", "transfer", "code", "since"),
        [
            (
                row.vault_id,
                row.transaction_id,
                str(row.number),
                _units(row.network, row.amount, catalogue),
                row.state,
                row.transfer_id or "",
                row.code or "",
                f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}",
            )
            for row in rows
        ],
    )


def _units(network: str, amount: int | None, catalogue: Catalogue) -> str:
    from chains.model import NetworkId
    from custody.cli.amounts import in_units

    if amount is None:
        return "none"
    return in_units(catalogue.networks[NetworkId(network)].native.id, amount, catalogue)
