"""That a bundle of evidence was handed out is logged, and the bundle gets the proof, if there is
one in time. Nothing waits longer than that: a bundle without a proof is as valid, and the proof can
be had later."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

from custody.db.session import Database
from custody.log import repository
from custody.log.leaf import Kind
from custody.log.reading import LogReader

WAIT_S: Final = 3.0
_LOOK_S: Final = 0.2


class BundleLog:
    """`witnesses`: how many cosignatures are worth waiting for."""

    def __init__(self, database: Database, reader: LogReader, witnesses: int) -> None:
        self._database = database
        self._reader = reader
        self._witnesses = witnesses

    async def log(self, digest: bytes, subject: str, now: datetime) -> str | None:
        """The proof (C2SP tlog-proof); None if no log is kept or it is not signed in time."""
        if not self._reader.is_kept:
            return None
        async with self._database.write_short() as session:
            await repository.note_bundle(session, digest, subject, now)
        clock = asyncio.get_running_loop()
        until = clock.time() + WAIT_S
        while True:
            async with self._database.read() as session:
                found = await self._reader.proof_in(session, Kind.EVIDENCE, digest.hex())
            is_over = clock.time() >= until
            if found is not None and (found[1] >= self._witnesses or is_over):
                return found[0]
            if is_over:
                return None
            await asyncio.sleep(_LOOK_S)
