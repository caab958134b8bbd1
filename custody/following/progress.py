"""How a network's follower fares, and whether it stands still. Pure; times are arguments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chains.model import BlockRef, InternalCredits
from chains.networks import Environment, Network

STALL_AFTER = timedelta(minutes=2)
"""How long a follower may make no progress before somebody is told: longer than a few retries with
growing patience take at the usual time limit."""
_STILL_BLOCKS = 12
"""How many blocks' usual time a chain may make none. On bitcoin, where blocks come by chance, that
happens once in three years or so."""


class Stall(StrEnum):
    """Why a network is not followed as it should be."""

    BEHIND = "behind"
    """The node's chain goes on, our position stands."""
    NODE_BELOW = "node_below"
    """The node's chain ends below our position: it lost blocks, or is another node than before."""
    NODE_STILL = "node_still"
    """The node answers, and its chain has had no new block for long."""
    SILENT = "silent"
    """The node has not told its tip, or nobody has asked it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What last went wrong and has not gone right since. `height`: of the block that could not be
    read, if it was about one. `attempts` at the same height, or with the same code."""

    code: str
    message: str
    since: datetime
    height: int | None = None
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class FollowStatus:
    """For readiness and for saying how old an answer is. `node_unavailable_since`: None while the
    node answers. `checked_at`: when it last told its tip. `moved_at`: when our position last
    changed. `at_tip_at`: when we last stood at the tip. `started_at`: when following began."""

    position: BlockRef | None = None
    tip: BlockRef | None = None
    node_unavailable_since: datetime | None = None
    checked_at: datetime | None = None
    moved_at: datetime | None = None
    at_tip_at: datetime | None = None
    started_at: datetime | None = None
    failure: Failure | None = None
    internal_credits: InternalCredits = InternalCredits.UNKNOWN

    def saw(self, tip: BlockRef, now: datetime) -> FollowStatus:
        """The node told its tip."""
        at_tip = self.position is not None and self.position == tip
        return replace(self, tip=tip, checked_at=now, at_tip_at=now if at_tip else self.at_tip_at)

    def stands(self, position: BlockRef | None, now: datetime) -> FollowStatus:
        """After a step that did what it could: `position` is the newest applied block."""
        changes: dict[str, Any] = {"node_unavailable_since": None, "failure": None}
        if position != self.position:
            changes |= {"position": position, "moved_at": now}
        if position is not None and position == self.tip:
            changes["at_tip_at"] = now
        return replace(self, **changes)

    def failed(self, code: str, message: str, height: int | None, now: datetime) -> FollowStatus:
        before = self.failure
        again = before is not None and before.height == height
        if again and height is None:
            again = before is not None and before.code == code
        if again and before is not None:
            failure = Failure(code, message, before.since, height, before.attempts + 1)
        else:
            failure = Failure(code, message, now, height)
        return replace(self, failure=failure)

    @property
    def blocks_behind(self) -> int | None:
        if self.tip is None or self.position is None:
            return None
        return max(0, self.tip.height - self.position.height)

    def seconds_behind(self, now: datetime) -> int | None:
        """Since we last stood at the node's tip; None before following began."""
        since = self.at_tip_at or self.started_at
        return None if since is None else max(0, (now - since) // timedelta(seconds=1))


def stall_of(status: FollowStatus, network: Network, now: datetime) -> Stall | None:
    """Whether somebody must be told."""

    def long_ago(*times: datetime | None, limit: timedelta = STALL_AFTER) -> bool:
        known = [time for time in (*times, status.started_at) if time is not None]
        return bool(known) and now - max(known) >= limit

    if long_ago(status.checked_at):
        return Stall.SILENT
    if status.tip is None:
        return None
    if status.position == status.tip:
        makes_blocks = network.environment is not Environment.LOCAL  # those are made on request
        still = makes_blocks and long_ago(status.moved_at, limit=still_after(network))
        return Stall.NODE_STILL if still else None
    if status.position is not None and status.tip.height < status.position.height:
        return Stall.NODE_BELOW if long_ago(status.at_tip_at) else None
    return Stall.BEHIND if long_ago(status.moved_at, status.at_tip_at) else None


def still_after(network: Network) -> timedelta:
    """How long the network's chain may stand still before somebody is told."""
    return max(STALL_AFTER, _STILL_BLOCKS * timedelta(milliseconds=network.block_ms))


def stall_words(stall: Stall, status: FollowStatus) -> str:
    """One sentence with nothing in it that grows while the stall lasts."""
    where = "before the first block" if status.position is None else f"{status.position.height}"
    words = {
        Stall.BEHIND: f"stands at {where} while the node goes on",
        Stall.NODE_BELOW: f"stands at {where}, and the node's chain ends below",
        Stall.NODE_STILL: f"stands at {where}, and the node's chain has no new block",
        Stall.SILENT: f"stands at {where}, and the node has not told its tip",
    }[stall]
    failure = status.failure
    if failure is None:
        return words
    if failure.height is None:
        return f"{words}; last failure: {failure.code}"
    return f"{words}; block {failure.height} can't be read: {failure.code}"
