"""Queries on how followers fare, and on the blocks that they may pass. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import exists, select

from chains.model import NetworkId
from custody.db.session import ReadSession
from custody.db.tables import FollowStateRow, PassRow


async def all_states(session: ReadSession) -> Sequence[FollowStateRow]:
    """Of every network that was ever followed."""
    return await session.all(select(FollowStateRow))


async def is_passed(session: ReadSession, network: NetworkId, height: int) -> bool:
    """Whether an operator's decision covers the block."""
    covers = exists().where(
        PassRow.network == network, PassRow.first_height <= height, PassRow.last_height >= height
    )
    return bool(await session.one(select(covers)))


async def passes(session: ReadSession, network: NetworkId) -> Sequence[PassRow]:
    """All decisions, oldest first."""
    mine = select(PassRow).where(PassRow.network == network)
    return await session.all(mine.order_by(PassRow.id))
