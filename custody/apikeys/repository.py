"""Queries on API keys. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update

from custody.db.session import ReadSession, WriteSession
from custody.db.tables import ApiKeyRow


async def key_in_force(session: ReadSession, digest: bytes) -> ApiKeyRow | None:
    """The key whose secret has this digest, unless it was revoked."""
    return await session.one_or_none(
        select(ApiKeyRow).where(ApiKeyRow.digest == digest, ApiKeyRow.revoked_at.is_(None))
    )


async def mark_revoked(session: WriteSession, key_id: str, now: datetime) -> bool:
    """False if there is no such key in force."""
    changed = await session.execute(
        update(ApiKeyRow)
        .where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
        .values(revoked_at=now)
    )
    return changed == 1


async def all_keys(session: ReadSession) -> Sequence[ApiKeyRow]:
    """Oldest first, revoked ones included."""
    return await session.all(select(ApiKeyRow).order_by(ApiKeyRow.id))
