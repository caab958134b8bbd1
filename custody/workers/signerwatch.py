"""Shows as an alarm what the signer says an operator should mend: its disk, log, clock, policy; and
that an administrator has stopped it.

Nobody looks at the signer's own status every day; custody asks it and has the pager.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.session import Database
from signer.wire import STOPPED, Status


class Signer(Protocol):
    """Of the signer, its status."""

    async def status(self) -> Status: ...


class SignerWatch:
    """Of one process, which leads. A locked signer still tells of its process and its disk."""

    def __init__(self, database: Database, signer: Signer, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._signer = signer
        self._clock = clock
        self._known: dict[AlarmCode, str] | None = None
        """None: another process may have raised the alarms before us."""

    async def look(self) -> Status:
        """Raise or clear the alarm, and hand on what was said. Writes only when something has
        changed. Raises SignerError."""
        status = await self._signer.status()
        found = _said(status)
        if found != self._known:
            await self._tell(found)
        return status

    async def _tell(self, found: dict[AlarmCode, str]) -> None:
        now = self._clock()
        async with self._database.write() as session:
            for code, words in found.items():
                if words:
                    await raise_alarm(session, code, words, now)
                else:
                    await clear_alarm(session, code, now)
        self._known = found


def _said(status: Status) -> dict[AlarmCode, str]:
    """What there is to tell, by the alarm that tells it: nothing, if it is empty."""
    stops = [each.message for each in status.warnings if each.code == STOPPED]
    others = [f"{each.code}: {each.message}" for each in status.warnings if each.code != STOPPED]
    return {AlarmCode.SIGNER_STOPPED: "; ".join(stops), AlarmCode.SIGNER_WARNS: "; ".join(others)}
