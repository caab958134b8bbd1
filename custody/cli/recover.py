"""`custody recover`: rebuilds from the signer's journal what the database has forgotten."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from custody.cli.access import load_settings, opened_database
from custody.cli.output import say, told

if TYPE_CHECKING:
    from custody.bootstrap import Custody
    from custody.journal.plan import Plan
    from custody.journal.recovery import Recovered, Recovery

ADDRESSES = 20
"""As many as BIP-44 calls a gap: so many in a row are not expected to stay unused."""

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be rebuilt, and stop.")]
Addresses = Annotated[
    int,
    typer.Option(
        min=0,
        max=10_000,
        help="How many more addresses to watch in each branch: those given out last are forgotten.",
    ),
]
Complete = Annotated[
    bool,
    typer.Option(
        "--database-complete",
        help="The signer was recovered, and this database was never set back: freeze nothing.",
    ),
]


Vaults = Annotated[
    Path | None,
    typer.Option(help="Write the vaults as `custody-keys recover` wants them, and stop."),
]


@told
async def recover(
    dry_run: DryRun = False,
    addresses: Addresses = ADDRESSES,
    database_complete: Complete = False,
    vaults: Vaults = None,
) -> None:
    """Rebuild from the signer's journal what this database has forgotten. Safe to run twice.

    After a restore from a backup, or a promoted standby: while the alarm `signer_ahead` is open.
    """
    from custody.bootstrap import open_custody

    settings = load_settings()
    async with opened_database():
        pass
    async with open_custody(settings) as custody:
        if vaults is not None:
            await _write_vaults(custody, vaults)
            return
        recovery = _recovery(custody)
        plan = await recovery.plan()
        _show(plan)
        if not dry_run and (plan.unknown or plan.place.closed_since is not None):
            done = await recovery.run(
                plan, addresses=addresses, database_complete=database_complete
            )
            _tell(done)


async def _write_vaults(custody: Custody, file: Path) -> None:
    """Asks no signer: it is the one that has forgotten them."""
    from custody.journal.repository import newest_known
    from custody.vaults.repository import accounts

    async with custody.database.read() as session:
        newest = await newest_known(session)
        known = await accounts(session)
    lines = [
        json.dumps({"client": client, "vault": vault, "account": account}) + "\n"
        for vault, client, account in known
    ]
    await asyncio.to_thread(file.write_text, "".join(lines))
    say(
        f"this database knows the signer's journal up to record {newest[0] if newest else 0}",
        f"wrote {len(lines)} vaults to {file}",
    )


def _recovery(custody: Custody) -> Recovery:
    from custody.journal.recovery import Recovery
    from custody.services import make_services

    services = make_services(custody)
    known = custody.catalogue
    codecs = {network: known.codec(network) for network in known.networks}
    return Recovery(
        database=custody.database,
        ledger=services.ledger,
        signer=custody.signer,
        vaults=services.vaults,
        codecs=codecs,
        served=list(custody.networks),
        clock=custody.clock,
        adapters=custody.adapters,
    )


def _show(plan: Plan) -> None:
    say(f"this database knows the signer's journal up to record {plan.place.sequence}")
    if not plan.unknown:
        say(f"and everything after it, up to record {plan.ending.sequence}")
    say(*plan.lines())


def _tell(done: Recovered) -> None:
    say(
        f"rebuilt {done.vaults} vaults, {done.addresses} addresses, {done.transfers} transfers;"
        f" {done.signatures} signatures were given again"
    )
    for transfer in done.waiting:
        say(f"{transfer}: its vault stays frozen until the deposits it was paid from are followed")
    if done.frozen:
        vaults = len(done.frozen)
        say(f"the signer lost records: {vaults} vaults are frozen until a person has looked")
    say(*done.told)
    if done.vaults:
        say(
            "if one of these vaults takes another one's place, begin that move again:"
            " custody vault move begin VAULT --to SUCCESSOR --key KEY --reason TEXT"
        )
    say("requests are accepted again")
