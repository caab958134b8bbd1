"""Stores how followers fare, so that other processes and the next run know."""

from __future__ import annotations

from chains.model import BlockRef, InternalCredits, NetworkId
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import FollowStateRow
from custody.following import state_repository
from custody.following.progress import Failure, FollowStatus

_MESSAGE_LENGTH_MAX = 300


async def load(session: ReadSession, network: NetworkId) -> FollowStatus:
    """As it was saved last; an empty one before the first time."""
    row = await session.get(FollowStateRow, network)
    return FollowStatus() if row is None else _status(row)


async def load_all(session: ReadSession) -> dict[NetworkId, FollowStatus]:
    rows = await state_repository.all_states(session)
    return {NetworkId(row.network): _status(row) for row in rows}


async def save(session: WriteSession, network: NetworkId, status: FollowStatus) -> None:
    row = {"network": network, **_values(status)}
    await session.insert_missing(FollowStateRow, [row])
    await session.update_each(FollowStateRow, ["network"], [row])


def _status(row: FollowStateRow) -> FollowStatus:
    failure = None
    if row.failure_code is not None and row.failure_since is not None:
        failure = Failure(
            code=row.failure_code,
            message=row.failure_message or "",
            since=row.failure_since,
            height=row.failure_height,
            attempts=row.failure_attempts,
        )
    return FollowStatus(
        position=_ref(row.position_height, row.position_hash),
        tip=_ref(row.tip_height, row.tip_hash),
        node_unavailable_since=row.node_unavailable_since,
        checked_at=row.checked_at,
        moved_at=row.moved_at,
        at_tip_at=row.at_tip_at,
        started_at=row.started_at,
        failure=failure,
        internal_credits=InternalCredits(row.internal_credits),
    )


def _values(status: FollowStatus) -> dict[str, object]:
    position, tip, failure = status.position, status.tip, status.failure
    return {
        "position_height": None if position is None else position.height,
        "position_hash": None if position is None else position.hash,
        "tip_height": None if tip is None else tip.height,
        "tip_hash": None if tip is None else tip.hash,
        "node_unavailable_since": status.node_unavailable_since,
        "checked_at": status.checked_at,
        "moved_at": status.moved_at,
        "at_tip_at": status.at_tip_at,
        "started_at": status.started_at,
        "failure_code": None if failure is None else failure.code,
        "failure_message": None if failure is None else failure.message[:_MESSAGE_LENGTH_MAX],
        "failure_since": None if failure is None else failure.since,
        "failure_height": None if failure is None else failure.height,
        "failure_attempts": 0 if failure is None else failure.attempts,
        "internal_credits": status.internal_credits.value,
    }


def _ref(height: int | None, hash_: str | None) -> BlockRef | None:
    return None if height is None or hash_ is None else BlockRef(height, hash_)
