"""`custody rescan` and `custody rewind`: what a follower missed, and what should not be there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from custody.cli.access import load_settings, opened_database
from custody.cli.output import Misuse, say, show_table, told

if TYPE_CHECKING:
    from chains.networks import Network
    from custody.bootstrap import Custody
    from custody.rewind.plan import Plan

NetworkName = Annotated[str, typer.Option("--network", help="The network's alias or CAIP-2 id.")]


@told
async def rescan(
    network: NetworkName,
    txid: Annotated[str | None, typer.Option(help="The block that this transaction is in.")] = None,
    first: Annotated[int | None, typer.Option("--from", help="The first height.")] = None,
    last: Annotated[int | None, typer.Option("--to", help="The last height.")] = None,
) -> None:
    """Look at blocks again and book what was missed. Adds, never doubles, never removes."""
    from chains.model import TxId
    from custody.following.rescan import Rescan
    from custody.ledger.service import Ledger

    if (txid is None) == (first is None or last is None) or (first is None) != (last is None):
        raise Misuse("name a transaction (--txid) or a range (--from and --to)")
    async with _served(network) as (custody, found):
        ledger, adapter = Ledger(custody.clock), custody.adapters[found.id]
        service = Rescan(custody.database, ledger, found, adapter, custody.clock, custody.minimums)
        if txid is not None:
            done = await service.transaction(TxId(txid))
        else:
            assert first is not None and last is not None
            done = await service.blocks(first, last)
    say(*(f"found deposit {deposit}" for deposit in done.deposits))
    if done.skipped:
        say(f"not our blocks, left out: {', '.join(map(str, done.skipped))}")
    say(f"{len(done.deposits)} deposits and {done.coins} coins were missing")


@told
async def rewind(
    network: NetworkName,
    to: Annotated[
        int | None,
        typer.Option(
            help="Everything above this height that is not on the node's chain; default: above the"
            " newest common block."
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it. Without, it is only shown.")
    ] = False,
) -> None:
    """Show what is booked from blocks that are not on the node's chain; with --apply, undo it."""
    from custody.ledger.service import Ledger
    from custody.rewind.service import Rewind

    async with _served(network) as (custody, found):
        service = Rewind(
            custody.database,
            Ledger(custody.clock),
            found,
            custody.adapters[found.id],
            custody.clock,
            custody.minimums,
        )
        plan = await service.plan(to)
        _show(plan)
        if plan.is_empty:
            say("nothing to undo")
        elif not apply:
            say("nothing was changed; repeat with --apply to do it")
        else:
            done = await service.apply(plan)
            say(
                f"undone: {len(plan.deposits)} deposits, {len(plan.debits)} foreign debits,"
                f" {len(plan.transfers)} transfers, {done.entries} ledger entries made",
                f"found again on the node's chain: {len(done.found.deposits)} deposits",
                *(f"frozen {vault}" for vault in sorted(plan.vaults)),
            )


def _show(plan: Plan) -> None:
    show_table(
        "would be undone",
        ("what", "id", "vault", "asset", "base units", "state", "block"),
        [
            *(
                ("deposit", row.id, row.vault_id, row.asset, str(row.amount), row.state, block)
                for row in plan.deposits
                for block in [f"{row.block_height} {row.block_hash}"]
            ),
            *(
                ("debit", row.id, row.vault_id, row.asset, str(row.amount), row.state, block)
                for row in plan.debits
                for block in [f"{row.block_height} {row.block_hash}"]
            ),
            *(
                ("transaction", row.id, row.vault_id, "", "", row.state, block)
                for row in plan.transactions
                for block in [f"{row.block_height} {row.block_hash}"]
            ),
            *(
                ("transfer", row.id, row.vault_id, row.asset, str(row.amount), row.state, "")
                for row in plan.transfers
            ),
        ],
    )
    ours = "nothing" if plan.position is None else f"{plan.position.height} {plan.position.hash}"
    common = "no block" if plan.common is None else f"{plan.common.height} {plan.common.hash}"
    say(
        f"we stand at        {ours}",
        f"common with node   {common}",
        f"blocks to forget   {plan.blocks}",
        f"coins to forget    {plan.coins_made}, to give back {plan.coins_spent}",
    )


@asynccontextmanager
async def _served(name: str) -> AsyncIterator[tuple[Custody, Network]]:
    """Raises Misuse unless the network has a node here."""
    from custody.bootstrap import open_custody
    from custody.cli.networks import named_network

    settings = load_settings()
    async with opened_database():
        pass
    async with open_custody(settings) as custody:
        found = named_network(name, custody.catalogue)
        if found.id not in custody.networks:
            raise Misuse(f"{name} has no node in CUSTODY_NODES")
        yield custody, found
