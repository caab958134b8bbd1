"""Keeps the transparency log, by one process at a time: appends, signs, has it witnessed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from custody.config import Settings
from custody.db.leases import Lease, Leases
from custody.db.session import Database
from custody.log.key import BadKeyFile, LogKey, Published
from custody.log.witnesses import Cosigning, Witness
from custody.log.writing import LogWriter, Stopped, tell_stopped

REST_S: Final = 1.0
"""Between two looks."""
STOPPED_S: Final = 30.0
"""After it was stopped."""


class TransparencyWorker:
    """One per process that has the log's key."""

    def __init__(
        self, database: Database, leases: Leases, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._leases = leases
        self._settings = settings
        self._clock = clock

    @property
    def has_log(self) -> bool:
        return self._settings.log_origin is not None and self._settings.log_key_file is not None

    async def run(self) -> None:
        """No payment waits for it, so what is wrong with its key stops nothing else."""
        while True:
            async with self._leases.hold("transparency") as lease:
                if lease is not None:
                    try:
                        async with self._parts() as (writer, cosigning):
                            await self._lead(lease, writer, cosigning)
                    except (Stopped, BadKeyFile, OSError) as error:
                        await tell_stopped(self._database, str(error), self._clock())
            await asyncio.sleep(REST_S if lease is None else STOPPED_S)

    @asynccontextmanager
    async def _parts(self) -> AsyncIterator[tuple[LogWriter, Cosigning]]:
        settings = self._settings
        assert settings.log_origin is not None
        path = Path(settings.log_key_file or "")
        key = LogKey.load(path, settings.log_origin)
        writer = LogWriter(self._database, key, Published(path), self._clock)
        known = [Witness(each.parsed, each.url) for each in settings.log_witnesses]
        cosigning = Cosigning(self._database, writer, known, self._clock)
        try:
            yield writer, cosigning
        finally:
            await cosigning.close()

    async def _lead(self, lease: Lease, writer: LogWriter, cosigning: Cosigning) -> None:
        await writer.check()
        await cosigning.look()  # what was signed elsewhere, before anything new is
        while lease.is_held:
            await writer.step(lease)
            await cosigning.step(lease)
            await asyncio.sleep(REST_S)
