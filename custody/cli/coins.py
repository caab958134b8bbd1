"""`custody coins`: when coins of a vault are consolidated and split, and each time that it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from custody.cli.access import known_catalogue, now, opened_database, operator
from custody.cli.networks import named_network
from custody.cli.output import Misuse, say, show_table, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chains.catalogue import Catalogue
    from custody.db.coin_rule_tables import CoinMoveRow, CoinRuleRow

app = typer.Typer(no_args_is_help=True, help="Coins consolidated and split by rule: set, show.")

VaultId = Annotated[str, typer.Argument(metavar="VAULT", help="The vault's id: vlt_…")]
NetworkName = Annotated[str, typer.Argument(metavar="NETWORK", help="The network's name or id.")]
Why = Annotated[str, typer.Option(help="Why. Kept.")]


@app.command("set")
@told
async def set_coins(
    vault: VaultId,
    network: NetworkName,
    key: Annotated[str, typer.Option(help="Asked for with this API key: key_…")],
    reason: Why,
    coins_min: Annotated[int | None, typer.Option(help="Consolidate from so many on.")] = None,
    coins_most: Annotated[int | None, typer.Option(help="So many at a time, at most.")] = None,
    rate_max: Annotated[
        int | None, typer.Option(help="While the network asks for at most this: sat/kvB.")
    ] = None,
    keep: Annotated[int | None, typer.Option(help="Split while there are fewer.")] = None,
    keep_size: Annotated[
        str | None, typer.Option(help="Of at least so much each, in the coin's unit.")
    ] = None,
    keep_rate_max: Annotated[
        int | None, typer.Option(help="While the network asks for at most this: sat/kvB.")
    ] = None,
) -> None:
    """Make one coin of many small ones while fees are low, and several of a large one while there
    are few. By the policy, as whoever has the key asks."""
    from chains.assets import Amount
    from custody.coins.model import Consolidate, Keep
    from custody.coins.service import NewRule, set_rule

    async with opened_database() as database:
        known = named_network(network, await known_catalogue(database))
        consolidate = kept = None
        if coins_min is not None and coins_most is not None and rate_max is not None:
            consolidate = Consolidate(coins_min, coins_most, rate_max)
        elif (coins_min, coins_most, rate_max) != (None, None, None):
            raise Misuse("--coins-min, --coins-most and --rate-max belong together")
        if keep is not None and keep_size is not None and keep_rate_max is not None:
            kept = Keep(keep, Amount.parse(known.native, keep_size).units, keep_rate_max)
        elif (keep, keep_size, keep_rate_max) != (None, None, None):
            raise Misuse("--keep, --keep-size and --keep-rate-max belong together")
        new = NewRule(consolidate, kept, key)
        async with database.write() as session:
            await set_rule(session, vault, known, new, reason, now(), by=operator())
    say(f"coins of {vault} on {known.alias} are moved by rule")


@app.command()
@told
async def end(vault: VaultId, network: NetworkName, reason: Why) -> None:
    """Move no coins by rule any more. What is open goes on."""
    from custody.coins.service import set_rule

    async with opened_database() as database:
        known = named_network(network, await known_catalogue(database))
        async with database.write() as session:
            await set_rule(session, vault, known, None, reason, now(), by=operator())
    say(f"no coins of {vault} on {known.alias} are moved by rule any more")


@app.command()
@told
async def show(vault: VaultId) -> None:
    """Show what is set, who set it, and the newest moves with what each would cost."""
    from custody.coins.repository import history_of, newest_of
    from custody.vaults.repository import vault as find

    async with opened_database() as database:
        catalogue = await known_catalogue(database)
        async with database.read() as session:
            await find(session, vault)
            history = await history_of(session, vault)
            rows = await newest_of(session, vault, None, 20)
    _show_rules(history, catalogue)
    _show_moves(rows, catalogue)


def _show_rules(rows: Sequence[CoinRuleRow], catalogue: Catalogue) -> None:
    show_table(
        "set",
        (
            *("network", "coins from", "at a time", "rate", "keep", "of", "keep rate"),
            *("key", "at", "by", "because"),
        ),
        [
            (
                row.network,
                _said(row.coins_min),
                _said(row.coins_most),
                _said(row.rate_max),
                _said(row.keep),
                _units(row.network, row.keep_size, catalogue),
                _said(row.keep_rate_max),
                row.key_id or "",
                f"{row.set_at:%Y-%m-%dT%H:%M:%SZ}",
                row.set_by,
                row.reason,
            )
            for row in rows
        ],
    )


def _show_moves(rows: Sequence[CoinMoveRow], catalogue: Catalogue) -> None:
    show_table(
        "moves",
        (
            *("network", "number", "kind", "coins", "amount", "rate", "cost"),
            *("state", "transfer", "code", "since"),
        ),
        [
            (
                row.network,
                str(row.number),
                row.kind,
                str(row.coins),
                _units(row.network, row.amount, catalogue),
                str(row.rate),
                _units(row.network, row.cost, catalogue),
                row.state,
                row.transfer_id or "",
                row.code or "",
                f"{row.created_at:%Y-%m-%dT%H:%M:%SZ}",
            )
            for row in rows
        ],
    )


def _said(number: int | None) -> str:
    return "none" if number is None else str(number)


def _units(network: str, amount: int | None, catalogue: Catalogue) -> str:
    from chains.model import NetworkId
    from custody.cli.amounts import in_units

    if amount is None:
        return "none"
    return in_units(catalogue.networks[NetworkId(network)].native.id, amount, catalogue)
