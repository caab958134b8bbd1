"""`custody chain`: how each network is followed, what is no money there, and going on where a block
can't be read."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from custody.cli.access import known_catalogue, now, opened_database, operator
from custody.cli.networks import named_network
from custody.cli.output import say, show_table, told

if TYPE_CHECKING:
    from chains.networks import Network
    from custody.following.progress import FollowStatus

app = typer.Typer(no_args_is_help=True, help="Followed chains: how they fare, passing blocks.")

Named = Annotated[str, typer.Argument(help="CAIP-2 id or alias.")]


@app.command()
@told
async def show(network: Named) -> None:
    """Where following stands, what failed last, how blocks were read, what was passed."""
    from custody.following import passing, readings, states

    async with opened_database() as database:
        found = named_network(network, await known_catalogue(database))
        async with database.read() as session:
            status = await states.load(session, found.id)
            ranges = await readings.ranges(session, found.id)
            passes = await passing.passes(session, found.id)
    say(*_status_lines(found, status))
    show_table(
        "how blocks were read",
        ("from", "to", "reading", "up to block"),
        [
            (str(each.first), str(each.last), each.reading.value, each.last_hash or "not recorded")
            for each in ranges
        ],
    )
    if passes:
        show_table(
            "blocks that may be passed",
            ("from", "to", "since", "by", "reason", "failure"),
            [
                (
                    str(row.first_height),
                    str(row.last_height),
                    _when(row.created_at),
                    row.passed_by,
                    row.reason,
                    row.failure,
                )
                for row in passes
            ],
        )


@app.command()
@told
async def unlisted(
    network: Named,
    marked: Annotated[
        bool, typer.Option(help="Also payments of nothing, and senders that imitate payees.")
    ] = False,
) -> None:
    """What came to addresses of ours and is no money: nobody listed what it is. Anybody can send
    such things, under any name; what is meant is named by its contract alone."""
    from custody.following import sighting_repository
    from custody.following.unlisted import Mark

    async with opened_database() as database:
        found = named_network(network, await known_catalogue(database))
        async with database.read() as session:
            marks = list(Mark) if marked else []
            rows = await sighting_repository.unlisted(session, found.id, marks=marks)
            beyond = await sighting_repository.beyond(session, found.id)
    show_table(
        "not listed, and in no balance",
        (
            "asset",
            "base units",
            "vault",
            "address",
            "said to be from",
            "mark",
            "block",
            "transaction",
        ),
        [
            (
                row.asset,
                str(row.amount),
                row.vault_id,
                row.address,
                row.sender or "nobody",
                row.mark or "",
                str(row.block_height),
                row.txid,
            )
            for row in rows
        ],
    )
    for each in beyond:
        say(f"{each.count} more came to {each.address}, from block {each.first_height} on")


@app.command("pass")
@told
async def pass_(
    network: Named,
    height: Annotated[int, typer.Argument(min=0, help="The last block that may be passed.")],
    reason: Annotated[str, typer.Option(help="Why; kept for ever.")],
) -> None:
    """Let following go on without the movements of blocks that can't be read, up to HEIGHT.

    Each block is still tried, and what the node shows of it is taken. Only for a block that was
    tried several times. Rescan the blocks when a node can read them, and reconcile.
    """
    from custody.following.passing import pass_blocks

    async with opened_database() as database:
        found = named_network(network, await known_catalogue(database))
        async with database.write() as session:
            row = await pass_blocks(session, found, height, reason, operator(), now())
    say(
        f"{found.name}: blocks {row.first_height} to {row.last_height} may be passed;"
        f" the first can't be read: {row.failure}"
    )


def _status_lines(network: Network, status: FollowStatus) -> list[str]:
    from custody.following.progress import stall_of, stall_words

    at = now()
    stall = stall_of(status, network, at)
    behind = status.seconds_behind(at)
    lines = [
        f"{network.name} ({network.id})",
        f"position: {'none' if status.position is None else status.position.height}",
        f"node's tip: {'unknown' if status.tip is None else status.tip.height},"
        f" told {_when(status.checked_at)}",
        f"behind: {'unknown' if behind is None else f'{behind} s'}",
        f"internal credits: {status.internal_credits}",
        f"stalled: {'no' if stall is None else stall_words(stall, status)}",
    ]
    if status.failure is not None:
        failure = status.failure
        lines.append(
            f"failing since {_when(failure.since)}, {failure.attempts} attempts:"
            f" {failure.code}: {failure.message}"
        )
    return lines


def _when(time: datetime | None) -> str:
    return "never" if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"
