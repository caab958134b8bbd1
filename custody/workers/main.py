"""A process of workers: `custody worker`, or the child of `custody serve`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import structlog

from custody.bootstrap import open_custody
from custody.config import Settings
from custody.services import make_services
from custody.workers.logs import configure_logging
from custody.workers.workers import Workers

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
        log.info("workers_started", networks=[each.alias for each in custody.networks.values()])
        await workers.run()
        log.info("workers_stopped")


def _stop_at_signals(workers: Workers) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, workers.stop)
