"""`custody ledger`: the books, recomputed from their entries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from custody.cli.access import opened_database
from custody.cli.output import FAILED, Misuse, say, told

if TYPE_CHECKING:
    from custody.ledger.chain import Head

app = typer.Typer(no_args_is_help=True, help="The ledger: recompute it from its entries.")


@app.callback()
def _group() -> None:
    """Makes `verify` a command of its own name, also while it is the only one."""


@app.command()
@told
async def verify(
    head: Annotated[
        str | None, typer.Option(help="A head that was printed or logged before: N.DIGEST")
    ] = None,
) -> None:
    """Add up every entry and compare it with all that stands beside it; exit 1 if anything differs.

    Reads one snapshot, changes nothing and asks no node. What is wrong is named by its id."""
    from custody.reconcile.verify import verify as verify_ledger

    noted = None if head is None else _head(head)
    async with opened_database() as database:
        found = await verify_ledger(database, noted)
    for each in found.findings:
        say(f"{'ok' if each.passed else 'FAILED':<10} {each.name}: {each.words}")
        say(*(f"{'':<10} {name}" for name in each.ids))
        if each.more:
            say(f"{'':<10} and more")
    say(*(f"{'note':<10} {each}" for each in found.notes))
    say(f"{found.entries} entries added up", f"head {found.head}")
    if not found.passed:
        raise typer.Exit(FAILED)


def _head(text: str) -> Head:
    """Raises Misuse."""
    from custody.ledger.chain import Head

    found = re.fullmatch(r"([0-9]{1,18})\.([0-9a-f]{64})", text, re.ASCII)
    if found is None:
        raise Misuse("--head is N.DIGEST, as an earlier run printed it")
    return Head(int(found[1]), bytes.fromhex(found[2]))
