"""Turns what several nodes say about themselves and each other into alarms, and takes them back.

The process that leads a network does this: it is the one that asks its witnesses.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from chains.model import NetworkId
from chains.nodes.adapter import Nodes
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.session import Database

CODES = (AlarmCode.NODE_TAKEN_OUT, AlarmCode.WITNESS_DISAGREES, AlarmCode.WITNESS_SILENT)


class NodeWatch:
    """One per network and process. `nodes` is None where the adapter is none of ours (tests)."""

    def __init__(
        self,
        database: Database,
        network: NetworkId,
        nodes: Nodes | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._network = network
        self._nodes = nodes
        self._clock = clock
        self._known: dict[AlarmCode, str] | None = None
        """None: another process may have raised alarms before us."""

    async def look(self) -> None:
        """Raise and clear alarms. Writes only when something has changed."""
        if self._nodes is None:
            return
        found = {AlarmCode(each.code): each.message for each in self._nodes.troubles()}
        if found == self._known:
            return
        now, network = self._clock(), self._network
        async with self._database.write() as session:
            for code in CODES:
                if code in found:
                    await raise_alarm(session, code, found[code], now, network=network)
                else:
                    await clear_alarm(session, code, now, network=network)
        self._known = found
