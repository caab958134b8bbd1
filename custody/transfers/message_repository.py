"""Queries on what transfers of kind `message` have signed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from custody.db.message_tables import MessageRow
from custody.db.session import ReadSession


async def find_message(session: ReadSession, transfer_id: str) -> MessageRow | None:
    """None of a transfer that is no message."""
    return (await messages_by_transfer(session, [transfer_id])).get(transfer_id)


async def messages_by_transfer(
    session: ReadSession, transfer_ids: Sequence[str]
) -> dict[str, MessageRow]:
    """Of those of the transfers that are messages."""
    if not transfer_ids:
        return {}
    named = select(MessageRow).where(MessageRow.transfer_id.in_(transfer_ids))
    return {row.transfer_id: row for row in await session.all(named)}
