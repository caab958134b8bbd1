"""Queries on stored answers. Decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import bindparam, select

from custody.db.session import ReadSession, WriteSession
from custody.db.tables import IdempotencyRow


class Stored(NamedTuple):
    """In the order in which `_STORED` selects."""

    request_hash: bytes
    status: int
    response: bytes


_STORED: Final = (
    select(IdempotencyRow.request_hash, IdempotencyRow.status, IdempotencyRow.response)
    .where(IdempotencyRow.scope == bindparam("scope"), IdempotencyRow.key == bindparam("key"))
    .order_by(IdempotencyRow.scope, IdempotencyRow.key)
)


async def stored(session: ReadSession, scope: str, key: str) -> Stored | None:
    """What was answered to the key."""
    return _first(await session.rows(_STORED.params(scope=scope, key=key)))


async def lock_stored(session: WriteSession, scope: str, key: str) -> Stored | None:
    """The same as it is now, ours until the transaction ends."""
    return _first(await session.locked_rows(_STORED, {"scope": scope, "key": key}))


def _first(rows: Sequence[tuple[bytes, int, bytes]]) -> Stored | None:
    return Stored(*rows[0]) if rows else None
