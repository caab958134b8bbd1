"""Queries on API keys. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select, update

from custody.db.look import Quick
from custody.db.session import ReadSession, WriteSession
from custody.db.tables import ApiKeyRow


@dataclass(frozen=True, slots=True)
class KeyInForce:
    """`scopes`: their names, with spaces between them."""

    id: str
    initiator: str
    client_id: str | None
    scopes: str


async def key_in_force(session: Quick, digest: bytes) -> KeyInForce | None:
    """The key whose secret has this digest, unless it was revoked."""
    rows = await session.quick_rows(_IN_FORCE, {"digest": digest})
    return KeyInForce(*rows[0]) if rows else None


_IN_FORCE = select(ApiKeyRow.id, ApiKeyRow.initiator, ApiKeyRow.client_id, ApiKeyRow.scopes).where(
    ApiKeyRow.digest == bindparam("digest"), ApiKeyRow.revoked_at.is_(None)
)
"""A constant, because every request asks it."""


async def in_force(session: ReadSession, key_id: str) -> ApiKeyRow | None:
    """The key of this id, unless it was revoked."""
    mine = select(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
    return await session.first(mine)


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
