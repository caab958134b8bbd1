"""Tells people and other processes how a follower fares: a row, log lines, alarms.

What is told here never stops or moves anything. A restart does not hide how long a network stands
still: the row is read again at the start.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from chains.block import Reading
from chains.errors import BlockUnreadable, ChainError, NodeUnavailable, WrongChain
from chains.follow import Connected, Event, ReorgTooDeep
from chains.model import BlockRef, InternalCredits
from chains.networks import Network
from custody.alarms.codes import AlarmCode
from custody.alarms.service import clear_alarm, raise_alarm
from custody.db.session import Database, WriteSession
from custody.following import states
from custody.following.progress import FollowStatus, stall_of, stall_words
from custody.following.readings import GAPS, ranges

SAVE_INTERVAL = timedelta(seconds=5)
"""How often other processes learn how we fare, if nothing else happens."""
_GAPS_TOLD = 5
"""Ranges that an alarm names; all are in the database."""

log = structlog.get_logger()


class FollowReport:
    """One per follower. `accept_without_internal`: the operator knows that internal credits are not
    seen here, and needs no alarm about it."""

    def __init__(
        self,
        database: Database,
        network: Network,
        clock: Callable[[], datetime],
        *,
        accept_without_internal: bool,
    ) -> None:
        self._database = database
        self._network = network
        self._clock = clock
        self._accept_without_internal = accept_without_internal
        self._recalled = False
        self._saved_at: datetime | None = None
        self._told: tuple[str | None, ...] | None = None
        self.status = FollowStatus()

    async def recall(self) -> None:
        """What the run before this one knew, the first time."""
        if not self._recalled:
            async with self._database.read() as session:
                known = await states.load(session, self._network.id)
            self.status = replace(known, started_at=known.started_at or self._clock())
            self._recalled = True

    def saw(self, tip: BlockRef) -> None:
        self.status = self.status.saw(tip, self._clock())

    def internal_credits(self, seen: InternalCredits) -> None:
        """Whether the node shows them. It never changes in silence."""
        if seen is not self.status.internal_credits:
            log.warning(
                "internal_credits_changed",
                network=self._network.alias,
                before=self.status.internal_credits.value,
                internal_credits=seen.value,
            )
            self.status = replace(self.status, internal_credits=seen)

    async def stands(self, position: BlockRef | None) -> None:
        """A step did what it could."""
        self.status = self.status.stands(position, self._clock())
        await self._settle()

    async def failed(self, error: Exception) -> None:
        """A step did not. An error that is no chain's is a bug, or the database's."""
        now = self._clock()
        code = error.code if isinstance(error, ChainError) else type(error).__name__
        message = str(error) if isinstance(error, ChainError) else ""
        height = error.height if isinstance(error, BlockUnreadable) else None
        self.status = self.status.failed(code, message, height, now)
        if isinstance(error, NodeUnavailable):
            since = self.status.node_unavailable_since or now
            self.status = replace(self.status, node_unavailable_since=since)
        self._log_failure()
        try:
            await self._settle(error)
        except (SQLAlchemyError, OSError):  # the database may be what failed
            log.warning("follow_state_unsaved", network=self._network.alias)

    async def gaps(self, session: WriteSession, events: Sequence[Event]) -> None:
        """An alarm for blocks that were read without all of their movements. The first block of a
        range is named, so that the alarm's words stay the same while the range grows."""
        accepted = {Reading.WITHOUT_INTERNAL} if self._accept_without_internal else set()
        told = set(GAPS) - accepted
        if not told.intersection(e.block.reading for e in events if isinstance(e, Connected)):
            return
        found = await ranges(session, self._network.id, tuple(told))
        where = ", ".join(f"{each.first} ({each.reading})" for each in found[-_GAPS_TOLD:])
        words = f"movements may be missing in the blocks from {where} on"
        await self._sound(session, AlarmCode.READING_GAP, words)

    async def _settle(self, error: Exception | None = None) -> None:
        """Save how we fare, and raise or clear the alarms about it."""
        now = self._clock()
        stall = stall_of(self.status, self._network, now)
        words = {
            AlarmCode.FOLLOWER_STALLED: None if stall is None else stall_words(stall, self.status),
            AlarmCode.INTERNAL_UNSEEN: self._unseen_words(),
            AlarmCode.REORG_TOO_DEEP: str(error) if isinstance(error, ReorgTooDeep) else None,
            AlarmCode.NODE_WRONG_CHAIN: str(error) if isinstance(error, WrongChain) else None,
        }
        telling = tuple(words.values())
        due = self._saved_at is None or now - self._saved_at >= SAVE_INTERVAL
        if telling == self._told and not due:
            return
        async with self._database.write() as session:
            if telling != self._told:
                for code, each in words.items():
                    await self._sound(session, code, each)
            await states.save(session, self._network.id, self.status)
        self._told, self._saved_at = telling, now

    def _unseen_words(self) -> str | None:
        unseen = self.status.internal_credits is InternalCredits.UNSEEN
        if not unseen or self._accept_without_internal:
            return None
        return "the node does not show what contracts pay; such deposits are overlooked"

    async def _sound(self, session: WriteSession, code: AlarmCode, words: str | None) -> None:
        now, network = self._clock(), self._network
        if words is None:
            await clear_alarm(session, code, now, network=network.id)
        else:
            await raise_alarm(session, code, f"{network.name}: {words}", now, network=network.id)

    def _log_failure(self) -> None:
        """The first time, and then ever less often."""
        failure = self.status.failure
        if failure is not None and failure.attempts & (failure.attempts - 1) == 0:
            log.warning(
                "follow_failed",
                network=self._network.alias,
                error=failure.code,
                reason=failure.message,
                height=failure.height,
                attempts=failure.attempts,
            )
