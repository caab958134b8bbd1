"""Signed transactions whose outcome a node does not show: neither in a block nor shown to be dead.

Such a transaction keeps its claims and the money that it was built with, because what a node does
not show may be there all the same. A moment of it is usual (two nodes behind one address, a
restart); when it lasts, a person is called, who can give custody a node that shows more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from chains.model import NetworkId
from custody.alarms import repository as alarms
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.session import Database, WriteSession

PATIENCE: Final = timedelta(minutes=10)
"""How long a doubt may last before a person is called."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """`transaction`: or the address that it is about. `words`: what is missing, without anything
    that grows by itself."""

    transaction: str
    vault: str
    words: str


class Doubts:
    """Remembers since when each doubt lasts. One per process; a restart begins to count anew."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime],
        code: AlarmCode = AlarmCode.OUTCOME_UNPROVEN,
    ) -> None:
        """`code`: of the alarm that people are called by."""
        self._code = code
        self._database = database
        self._clock = clock
        self._since: dict[NetworkId, dict[str, datetime]] = defaultdict(dict)
        self._told: dict[NetworkId, Mapping[str, str]] = {}

    async def note(self, network: NetworkId, found: Sequence[Doubt], *, complete: bool) -> None:
        """All doubts of one round. `complete`: every transaction of the network could be judged, so
        that who is not among them is in no doubt."""
        lasting = self._lasting(network, found, complete=complete)
        if self._told.get(network) == lasting:
            return
        async with self._database.write() as session:
            for vault, words in lasting.items():
                await raise_alarm(
                    session,
                    self._code,
                    words,
                    self._clock(),
                    network=network,
                    vault=vault,
                )
            if complete:
                await self._clear(session, network, lasting)
        if complete:
            self._told[network] = lasting

    def _lasting(
        self, network: NetworkId, found: Sequence[Doubt], *, complete: bool
    ) -> dict[str, str]:
        """What people are to be told, by vault."""
        since, now = self._since[network], self._clock()
        for doubt in found:
            since.setdefault(doubt.transaction, now)
        if complete:
            for gone in since.keys() - {doubt.transaction for doubt in found}:
                del since[gone]
        lines = defaultdict(list)
        for doubt in sorted(found, key=lambda each: each.transaction):
            if now - since[doubt.transaction] >= PATIENCE:
                lines[doubt.vault].append(f"{doubt.transaction}: {doubt.words}")
        return {vault: "; ".join(texts) for vault, texts in lines.items()}

    async def _clear(
        self, session: WriteSession, network: NetworkId, lasting: Mapping[str, str]
    ) -> None:
        opened = await alarms.open_of(session, self._code)
        vaults = {each.vault_id for each in opened if each.network == network}
        for vault in {each for each in vaults if each is not None} - lasting.keys():
            await clear_alarm(session, self._code, self._clock(), network=network, vault=vault)
