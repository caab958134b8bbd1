"""When a follower looks again: after its interval, or when a node announces a block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import structlog

from chains.model import NetworkId
from chains.nodes.announcements import Announcements
from custody.transactions.outcomes import where

GAP_S: Final = 0.2
"""Between two looks at least, however much a node talks."""

log = structlog.get_logger()


class BlockNews:
    """One per network and process. Without announcements it is a clock."""

    def __init__(self, network: NetworkId, announcements: Announcements | None = None) -> None:
        self._network = network
        self._announcements = announcements
        self._news = asyncio.Event()
        self._looked_clock = 0.0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Nodes are listened to while the context lasts."""
        if self._announcements is None:
            yield
            return
        task = asyncio.create_task(self._announcements.listen(self._news.set, self._tell))
        task.add_done_callback(self._ended)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def look(self) -> None:
        """A look begins: it may not see what is announced from here on."""
        self._news.clear()
        self._looked_clock = asyncio.get_running_loop().time()

    async def wait(self, timeout_s: float) -> None:
        """Until the next look is due."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
                since_s = asyncio.get_running_loop().time() - self._looked_clock
                await asyncio.sleep(GAP_S - since_s)

    def _tell(self, node: str, reason: str | None) -> None:
        if reason is None:
            log.info("push_back", network=self._network, node=node)
        else:
            log.warning("push_lost", network=self._network, node=node, reason=reason)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """It never ends by itself, so this is a fault of ours. The interval goes on without it."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("push_ended", network=self._network, error=where(error))
