"""`custody address`: addresses on a network where somebody paid them by mistake."""

from __future__ import annotations

from typing import Annotated

import typer

from custody.cli.access import load_settings, opened_database, operator
from custody.cli.output import Misuse, say, show_table, told

app = typer.Typer(no_args_is_help=True, help="Addresses paid on a wrong network: adopt, adopted.")


@app.command()
@told
async def adopt(
    address: Annotated[str, typer.Argument(help="As it was given out.")],
    given_on: Annotated[str, typer.Option(help="The network that it was given out for.")],
    network: Annotated[str, typer.Option(help="The network on which it was paid.")],
    reason: Annotated[str, typer.Option(help="Who paid what, and why it is ours. Kept.")],
    txid: Annotated[str | None, typer.Option(help="Look for this transaction at once.")] = None,
) -> None:
    """Watch an address on another network too, if its key there is the vault's. The signer attests
    it. What came before is found by --txid, or by custody rescan."""
    from chains.families import CODECS
    from chains.model import TxId
    from custody.bootstrap import open_custody
    from custody.cli.networks import named_network
    from custody.following.rescan import Rescan
    from custody.ledger.service import Ledger
    from custody.vaults.adopting import Adopting
    from custody.vaults.service import Vaults

    settings = load_settings()
    async with opened_database():
        pass
    async with open_custody(settings) as custody:
        given, there = (named_network(each, custody.catalogue) for each in (given_on, network))
        if there.id not in custody.networks:
            raise Misuse(f"{network} has no node in CUSTODY_NODES")
        vaults = Vaults(custody.database, custody.signer, custody.codecs, custody.clock)
        adopting = Adopting(custody.database, custody.signer, vaults, custody.clock)
        codec = custody.codecs[there.id]
        row = await adopting.adopt(
            CODECS[given.family](given), address, codec, reason, by=operator()
        )
        say(f"adopted {row.id}: {row.address} on {there.alias}, of {row.vault_id}")
        if txid is None:
            return
        adapter, ledger = custody.adapters[there.id], Ledger(custody.clock)
        service = Rescan(custody.database, ledger, there, adapter, custody.clock, custody.minimums)
        done = await service.transaction(TxId(txid))
        say(*(f"found deposit {deposit}" for deposit in done.deposits))
        say(f"{len(done.deposits)} deposits were missing")


@app.command()
@told
async def adopted() -> None:
    """List what was adopted, by whom and why."""
    from custody.vaults.repository import adoptions

    async with opened_database() as database, database.read() as session:
        rows = await adoptions(session)
    show_table(
        "adopted addresses",
        ("address", "vault", "network", "spelled", "given out as", "at", "by", "because"),
        [
            (
                address.id,
                address.vault_id,
                address.network,
                address.address,
                row.given_id,
                f"{row.adopted_at:%Y-%m-%dT%H:%M:%SZ}",
                row.adopted_by,
                row.reason,
            )
            for row, address in rows
        ],
    )
