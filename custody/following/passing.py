"""An operator's decision to go on without the movements of blocks that can't be read.

It is for a block that was tried again and again, and it is kept for ever. What such blocks did to
our addresses is found later, by a rescan at a node that can read them or by reconciliation.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chains.model import NetworkId
from chains.networks import Network
from custody.db.ids import new_id
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import PassRow
from custody.errors import Invalid
from custody.following import state_repository, states
from custody.reasons import checked_reason

ATTEMPTS_MIN = 5
"""A block is tried so often before anybody may pass it: fewer side by side, then with more time."""


async def pass_blocks(
    session: WriteSession, network: Network, last: int, reason: str, by: str, now: datetime
) -> PassRow:
    """Allow the follower to pass the blocks up to `last`, those of them that it can't read.

    Raises Invalid: block_not_stuck unless the follower has failed often enough at a block,
    height_invalid unless `last` is that block or one above it and not above the node's tip,
    reason_invalid without a reason.
    """
    status = await states.load(session, network.id)
    failure = status.failure
    if failure is None or failure.height is None or failure.attempts < ATTEMPTS_MIN:
        raise Invalid(
            "block_not_stuck",
            f"the follower has not failed {ATTEMPTS_MIN} times at one block; there is nothing to"
            " pass",
        )
    tip = status.tip.height if status.tip is not None else failure.height
    if not failure.height <= last <= tip:
        raise Invalid("height_invalid", f"{failure.height}, which can't be read, to {tip}")
    row = PassRow(
        id=new_id("pas"),
        network=network.id,
        first_height=failure.height,
        last_height=last,
        failure=f"{failure.code}: {failure.message}",
        reason=checked_reason(reason),
        passed_by=by,
        created_at=now,
    )
    session.add(row)
    return row


async def may_pass(session: ReadSession, network: NetworkId, height: int) -> bool:
    """Whether an operator decided to pass the block, if it can't be read."""
    return await state_repository.is_passed(session, network, height)


async def passes(session: ReadSession, network: NetworkId) -> Sequence[PassRow]:
    """All decisions, oldest first."""
    return await state_repository.passes(session, network)
