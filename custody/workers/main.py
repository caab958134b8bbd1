"""A process of workers: `custody worker`, or the child of `custody serve`."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable
from typing import Final

import structlog

from custody.bootstrap import open_custody
from custody.config import Settings
from custody.services import make_services
from custody.workers.logs import configure_logging
from custody.workers.workers import Workers

_COLLECT_AFTER: Final = 20_000
"""Objects made and not let go, after which cycles are looked for."""

log = structlog.get_logger()


async def run_until_signal(settings: Settings) -> None:
    """Until SIGINT or SIGTERM; then everything in flight is let go, which loses nothing."""
    await run_until_stopped(settings, _stop_at_signals)


async def run_until_stopped(settings: Settings, hold: Callable[[Workers], None]) -> None:
    """`hold` is given the workers before they run, to stop and wake them."""
    configure_logging()
    async with open_custody(settings) as custody:
        workers = Workers(make_services(custody))
        hold(workers)
        _spare_collector()
        log.info("workers_started", networks=[each.alias for each in custody.networks.values()])
        await workers.run()
        log.info("workers_stopped")


def _stop_at_signals(workers: Workers) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, workers.stop)


def _spare_collector() -> None:
    """What was loaded stays, and the rows of a set die with it. To search both for cycles again and
    again took a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
