"""How each network is followed: position, tip, what fails, and what is not seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import Field

from api.schemas import View, with_example
from chains.block import Reading
from chains.model import InternalCredits, NetworkId
from chains.networks import Network
from custody.db.session import ReadSession
from custody.following import readings, states
from custody.following.progress import FollowStatus, Stall, stall_of
from custody.following.readings import GAPS, Range

FOLLOWING_EXAMPLE = {
    "position": 812,
    "tip": 815,
    "blocks_behind": 3,
    "seconds_behind": 171,
    "stalled": "behind",
    "failure": {
        "code": "block_unreadable",
        "height": 813,
        "since": "2026-03-02T06:00:09.481000Z",
        "attempts": 9,
    },
    "internal_credits": "seen",
    "gaps": [{"first": 640, "last": 655, "reading": "without-internal"}],
}


class FailureView(View):
    code: str
    height: int | None = Field(description="of the block that can't be read, if it is about one")
    since: datetime
    attempts: int


class GapView(View):
    """Blocks, both included, that were read without all of their movements."""

    first: int
    last: int
    reading: Reading


class FollowingView(View):
    """As the process that follows saved it last."""

    model_config = with_example(FOLLOWING_EXAMPLE)

    position: int | None = Field(description="newest block applied to the ledger")
    tip: int | None = Field(description="the node's newest block, when the follower last asked")
    blocks_behind: int | None
    seconds_behind: int | None = Field(description="since we last stood at the node's tip")
    stalled: Stall | None = Field(description="why there is no progress; null while there is")
    failure: FailureView | None = Field(description="what went wrong last and not right since")
    internal_credits: InternalCredits = Field(description="whether what contracts pay is seen")
    gaps: list[GapView]


async def gaps_of(
    session: ReadSession, networks: Iterable[NetworkId]
) -> dict[NetworkId, list[Range]]:
    return {each: await readings.ranges(session, each, GAPS) for each in networks}


async def statuses(session: ReadSession) -> Mapping[NetworkId, FollowStatus]:
    return await states.load_all(session)


def stall_now(status: FollowStatus | None, network: Network, now: datetime) -> Stall | None:
    """A network that nobody ever followed is silent, too."""
    return Stall.SILENT if status is None else stall_of(status, network, now)


def following_view(
    status: FollowStatus | None, gaps: Iterable[Range], network: Network, now: datetime
) -> FollowingView:
    known = status or FollowStatus()
    failure = known.failure
    return FollowingView(
        position=None if known.position is None else known.position.height,
        tip=None if known.tip is None else known.tip.height,
        blocks_behind=known.blocks_behind,
        seconds_behind=known.seconds_behind(now),
        stalled=stall_now(status, network, now),
        failure=None
        if failure is None
        else FailureView(
            code=failure.code,
            height=failure.height,
            since=failure.since,
            attempts=failure.attempts,
        ),
        internal_credits=known.internal_credits,
        gaps=[GapView(first=each.first, last=each.last, reading=each.reading) for each in gaps],
    )
