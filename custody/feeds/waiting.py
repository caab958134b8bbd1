"""Waits until something has a number, for those who read a feed as it grows.

One look for everybody: however many wait in this process, the database is asked twice a second, and
not at all while nobody waits. No connection is held meanwhile. The numbers are given by a worker,
of this process or of another one.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog
from sqlalchemy.exc import SQLAlchemyError

from custody.db.session import Database
from custody.feeds import repository

LOOK_S = 0.5

log = structlog.get_logger()


class FeedWatch:
    """One per process of the API."""

    def __init__(self, database: Database, look_delay: float = LOOK_S) -> None:
        self._database = database
        self._look_delay = look_delay
        self._head = -1
        self._changed = asyncio.Event()
        self._waiting = 0
        self._looking: asyncio.Task[None] | None = None
        self.is_ending = False

    def dismiss(self) -> None:
        """The process was asked to end: nobody waits any more, so that nobody keeps it."""
        self.is_ending = True
        self._changed.set()

    async def past(self, head: int, delay: float) -> None:
        """Until the newest event of all has a number above `head`, or so many seconds have passed,
        or the process ends."""
        self._waiting += 1
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    while self._head <= head and not self.is_ending:
                        await self._changed.wait()
        finally:
            self._waiting -= 1

    async def _look(self) -> None:
        while self._waiting:
            try:
                async with self._database.read() as session:
                    head = await repository.head(session)
            except SQLAlchemyError as error:
                log.warning("feed_not_read", error=type(error).__name__)
            else:
                if head != self._head:
                    self._head = head
                    changed, self._changed = self._changed, asyncio.Event()
                    changed.set()
            await asyncio.sleep(self._look_delay)
        self._looking = None

    async def close(self) -> None:
        """Whoever waits still is cancelled with their request."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
