"""Whether a database that had no space left has some again: it is tried, with a row of no meaning
that is as large as a big request's, committed and deleted."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from custody.db.session import Database
from custody.db.tables import IdempotencyRow

BYTES: Final = 64 * 1024
_SCOPE: Final = "space"
"""No route has this name, so nobody's retry key is here."""


async def has_space(database: Database, now: datetime) -> bool:
    """Where no write has failed for want of it, nothing is tried. One that went well proves
    nothing: a small one may find room where a large one does not."""
    if not database.lacks_space:
        return True
    row = {
        "scope": _SCOPE,
        "key": "",
        "request_hash": b"",
        "status": 0,
        "response": bytes(BYTES),
        "created_at": now,
    }
    gone = delete(IdempotencyRow).where(IdempotencyRow.scope == _SCOPE)
    try:
        async with database.write() as session:
            await session.execute(gone)
            await session.insert(IdempotencyRow, [row])
        async with database.write() as session:
            await session.execute(gone)
    except SQLAlchemyError:
        return False
    database.lacks_space = False
    return True
