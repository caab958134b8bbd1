"""`python -m tests.bench [--quick] [--only SECTION] [--write docs/performance.md]`: one table,
progress first."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Collection
from pathlib import Path

from tests.bench.report import page
from tests.bench.run import SECTIONS, Measured, run
from tests.bench.scale import FULL, QUICK, Scale
from tests.bench.table import print_table, wide_console


def main() -> None:
    options = _options()
    measured = asyncio.run(_run(QUICK if options.quick else FULL, options.only or SECTIONS))
    print_table(measured.rows, wide_console())
    print("; ".join(f"{name}: {value}" for name, value in measured.where.items()))
    if measured.failed:
        sys.exit(f"bench: broke off in {', '.join(measured.failed)}; no page is written")
    if options.write is not None:
        options.write.write_text(page(measured.where, measured.rows), encoding="utf-8")
        print(f"bench: {options.write} written")


async def _run(scale: Scale, asked: Collection[str]) -> Measured:
    """Being told to end is an interruption: the folder and all processes go."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await run(scale, lambda text: print(text, flush=True), asked)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="only see that everything works")
    parser.add_argument(
        "--only", action="append", choices=SECTIONS, help="this section alone; again for more"
    )
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the page with the table")
    options = parser.parse_args()
    if options.only and options.write:
        parser.error("a page is written of a whole run")
    return options


main()
