"""`python -m tests.bench.soak`: minutes of payouts at a steady rate, and how long the slowest took.

On PostgreSQL with two workers, on anvil. Ends with an error if any payout waited too long.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.bench.databases import databases
from tests.bench.house import running_house
from tests.bench.measure import percentiles
from tests.bench.payouts import mining, rich_vault
from tests.bench.stages import EvmStage
from tests.bench.waiting import steadily

WAIT_MAX_S = 5.0
_WORKERS = 2
_CACHE = Path(__file__).resolve().parents[2] / ".cache"


def main() -> None:
    options = _options()
    _CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="soak-", dir=_CACHE) as folder:
        waits = asyncio.run(_soak(Path(folder), options.rate, round(60 * options.minutes)))
    found, slowest_s = percentiles(waits), max(waits) / 1000
    print(
        f"soak: {len(waits):,} payouts, {options.rate} a second: p50 {found.p50:.0f} ms,"
        f" p99 {found.p99:.0f} ms, the slowest {slowest_s:.2f} s"
    )
    if slowest_s > WAIT_MAX_S:
        sys.exit(f"soak: a payout waited for more than {WAIT_MAX_S:g} s")


async def _soak(folder: Path, rate: int, seconds: int) -> list[float]:
    """Milliseconds, of each payout."""
    stage = EvmStage(folder / "stage")
    await stage.start()
    try:
        with databases(folder, print) as made:
            url = made["PostgreSQL"]("soak")
            nodes = {stage.alias: stage.node.url}
            async with running_house(folder / "house", url, nodes, _WORKERS) as house:
                vault = await rich_vault(house, stage, rate * seconds)
                async with mining(stage):
                    return await steadily(house, stage, vault, rate, rate * seconds)
    finally:
        await stage.stop()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak", description=__doc__)
    parser.add_argument("--rate", type=int, default=10, help="payouts a second")
    parser.add_argument("--minutes", type=float, default=10.0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
