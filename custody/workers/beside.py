"""The workers in a process of their own beside the API: started, watched, woken and ended by it.

In the API's process a backlog of transfers would take turns with every request. Beside it, nothing
is shared but the database, which both may use at any time.

A pipe into the child is bell and leash at once: a byte wakes it, the end of the pipe ends it. The
operating system closes the pipe however this process ends, so the child never outlives it.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.session import Database

COMMAND: Final = (sys.executable, "-m", "custody.workers.child")
PAUSE_FIRST_S: Final = 1.0
PAUSE_MAX_S: Final = 30.0
SETTLED_S: Final = 30.0
"""Workers that ran for so long have started well."""
ENDS_TOLERATED: Final = 1
"""So many ends in a row call nobody: they are started again within seconds."""
STOP_S: Final = 10.0
"""How long the workers may take to let go of what they have in hand."""

log = structlog.get_logger()


class WorkersBeside:
    """One per process of the API. `database` is for the alarm only."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        *,
        command: Sequence[str] = COMMAND,
        pause_first_s: float = PAUSE_FIRST_S,
        settle_delay_s: float = SETTLED_S,
    ) -> None:
        self._database = database
        self._clock = clock
        self._command = tuple(command)
        self._pause_first_s = pause_first_s
        self._settle_delay_s = settle_delay_s
        self._child: Process | None = None

    @property
    def pid(self) -> int | None:
        """Of the workers, while they run."""
        return None if self._child is None else self._child.pid

    def wake(self) -> None:
        """There is work. Never waits: a byte that is not read yet wakes as well as two."""
        pipe = None if self._child is None else self._child.stdin
        if (
            pipe is not None
            and not pipe.is_closing()
            and not pipe.transport.get_write_buffer_size()
        ):
            pipe.write(b"\n")

    async def run(self) -> None:
        """Keep the workers running until cancelled; then end them."""
        ends = 0
        pause = self._pause_first_s
        while True:
            lived_well = await self._live()
            ends = 1 if lived_well else ends + 1
            pause = self._pause_first_s if lived_well else min(2 * pause, PAUSE_MAX_S)
            if ends > ENDS_TOLERATED:
                await self._tell(are_gone=True)
            await asyncio.sleep(pause)

    async def _live(self) -> bool:
        """One life of the workers. Whether it was a long one."""
        settled = False

        async def settle() -> None:
            nonlocal settled
            await asyncio.sleep(self._settle_delay_s)
            settled = True
            await self._tell(are_gone=False)

        try:
            child = self._child = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE)
        except OSError as error:
            log.error("workers_not_started", error=type(error).__name__)
            return False
        log.info("workers_process_started", pid=child.pid)
        settling = asyncio.create_task(settle())
        try:
            code = await child.wait()
        finally:
            settling.cancel()
            self._child = None
            await asyncio.shield(_end(child))
        log.error("workers_process_ended", pid=child.pid, code=code)
        return settled

    async def _tell(self, *, are_gone: bool) -> None:
        try:
            async with self._database.write() as session:
                if are_gone:
                    message = "The workers' process ends again and again; its log says why."
                    await raise_alarm(session, AlarmCode.WORKERS_GONE, message, self._clock())
                else:
                    await clear_alarm(session, AlarmCode.WORKERS_GONE, self._clock())
        except SQLAlchemyError as error:  # its own failure is why the workers end, as likely as not
            log.error("workers_alarm_not_stored", error=type(error).__name__)


async def _end(child: Process) -> None:
    """By the end of its pipe; by force if that does not do."""
    assert child.stdin is not None
    child.stdin.close()
    try:
        async with asyncio.timeout(STOP_S):
            await child.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
