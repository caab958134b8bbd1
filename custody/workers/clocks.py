"""Looks at the clocks before something ends by them, and calls a person when they disagree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.clock import Look, SteadyClock
from custody.db.clock import database_now
from custody.db.session import Database

log = structlog.get_logger()


class ClockWatch:
    """One per process. A `clock` that is no SteadyClock has nothing to disagree with."""

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._logged: tuple[str, ...] = ()
        self._alarmed: tuple[str, ...] | None = None

    async def look(self) -> Look:
        """What the clocks say. Logs when they begin and end to disagree."""
        if not isinstance(self._clock, SteadyClock):
            return Look(self._clock(), {})
        async with self._database.read() as session:
            look = self._clock.look(await database_now(session))
        if look.astray != self._logged:
            self._logged = look.astray
            times = {name: said.isoformat() for name, said in look.witnesses.items()}
            if look.astray:
                log.warning("clocks_disagree", ours=look.now.isoformat(), **times)
            else:
                log.info("clocks_agree", ours=look.now.isoformat())
        return look

    async def tell(self, look: Look) -> None:
        """Raise or clear the alarm. For the one process that ends what has expired."""
        if look.astray == self._alarmed:
            return
        async with self._database.write() as session:
            if look.astray:
                message = "; ".join(look.astray) + ". Nothing expires until they agree."
                await raise_alarm(session, AlarmCode.CLOCKS_DISAGREE, message, look.now)
            else:
                await clear_alarm(session, AlarmCode.CLOCKS_DISAGREE, look.now)
        self._alarmed = look.astray
