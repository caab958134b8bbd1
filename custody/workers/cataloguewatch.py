"""Tells people that the policy in force describes other networks than this process knows.

A process reads them once, when it starts: connections, followers and what is being moved rest on
them. Until it is started again it serves what it knew; the signer goes by the policy in force.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from chains.catalogue import Catalogue, changed
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.session import Database
from signer.policy import Policy


class Policies(Protocol):
    """What tells the policy in force."""

    async def current(self) -> Policy: ...


class CatalogueWatch:
    """Of one process, which leads. `catalogue`: what it started with."""

    def __init__(
        self,
        database: Database,
        policies: Policies,
        catalogue: Catalogue,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._policies = policies
        self._catalogue = catalogue
        self._clock = clock
        self._known: str | None = None
        """None: another process may have raised the alarm before us."""

    async def look(self) -> None:
        """Raise or clear the alarm. Writes only when something has changed. Raises SignerError,
        Unprocessable policy_missing."""
        names = changed(self._catalogue, (await self._policies.current()).catalogue)
        found = f"start custody again: the policy in force changes {', '.join(names)}"
        if not names:
            found = ""
        if found == self._known:
            return
        async with self._database.write() as session:
            now = self._clock()
            if found:
                await raise_alarm(session, AlarmCode.NETWORKS_CHANGED, found, now)
            else:
                await clear_alarm(session, AlarmCode.NETWORKS_CHANGED, now)
        self._known = found
