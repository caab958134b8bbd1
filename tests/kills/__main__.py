"""`python -m tests.kills`: many payouts on each network while processes are killed at random.

Two APIs and two workers on PostgreSQL behind PgBouncer, the signer, a real engine. Every few
moments one of them is killed with SIGKILL and started again. At the end the node says what each
payee has.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench.stages import BitcoinStage, EvmStage, SolanaStage, Stage, TronStage
from tests.kills.points import Points, play_points
from tests.kills.run import Outcome, play


class BscStage(EvmStage):
    alias = "bsc-local"
    name = "BSC"


STAGES: Final[tuple[type[Stage], ...]] = (
    BitcoinStage,
    EvmStage,
    BscStage,
    TronStage,
    SolanaStage,
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--payouts", type=int, default=500, help="on each network")
    parser.add_argument("--minutes", type=float, default=10.0, help="at most, for each network")
    parser.add_argument("--seed", type=int, default=0, help="of whom is killed when")
    parser.add_argument("--network", action="append", help="only these, by their alias")
    parser.add_argument(
        "--points", action="store_true", help="one payment for each boundary of a worker instead"
    )
    options = parser.parse_args()
    outcomes = []
    for stage in STAGES:
        if options.network and stage.alias not in options.network:
            continue
        with tempfile.TemporaryDirectory(prefix="kills-") as folder:
            if options.points:
                found = asyncio.run(play_points(stage, Path(folder), 60 * options.minutes))
                _tell(found)
                continue
            print(f"kills: {stage.name}, {options.payouts} payouts", flush=True)
            outcomes.append(
                asyncio.run(
                    play(stage, Path(folder), options.payouts, options.seed, 60 * options.minutes)
                )
            )
    if outcomes:
        _show(outcomes)
    if not all(outcome.is_right for outcome in outcomes):
        sys.exit("kills: a payee has not what was meant for it")


def _tell(points: Points) -> None:
    print(
        f"kills: {points.network}: a worker died at {len(points.died)} boundaries in"
        f" {points.seconds:.0f} s; each payee was paid once; none of a payment's:"
        f" {len(points.beside)}; not met again: {len(points.unmet)}; no time: {len(points.left)}"
    )
    for label, why in points.beside.items():
        print(f"       {label}: {why}")
    for label in points.unmet:
        print(f"       not met again: {label}")
    for label in points.left:
        print(f"       no time: {label}")


def _show(outcomes: list[Outcome]) -> None:
    table = Table(title="payouts while processes are killed")
    columns = (
        "network payouts final once wrong not|paid killed:|api worker signer"
        " replaced|within seconds"
    )
    for name in columns.split(" "):
        table.add_column(name.replace("|", " "), justify="right")
    for each in outcomes:
        kills = (str(each.kills[kind]) for kind in ("api", "worker", "signer"))
        counts = (str(n) for n in (each.payouts, each.final, each.once, each.wrong, each.missing))
        table.add_row(
            each.network, *counts, *kills, f"{each.replaced_s:.1f} s", f"{each.seconds:.0f}"
        )
    Console(width=120).print(table)
    for each in outcomes:
        for what, number in each.open.most_common(20):
            print(f"kills: {each.network}: {number} not final: {what}")


if __name__ == "__main__":
    main()
