"""Retry keys: the same key and request get the same answer, also after a failure.

The answer is a row of the transaction that made the effect, so one can't exist without the other.
"""

from __future__ import annotations

import hmac
from datetime import datetime

from custody.db.session import ReadSession, WriteSession
from custody.db.tables import IdempotencyRow
from custody.errors import Conflict
from custody.transfers.request import Answer, Idempotency


async def stored_answer(session: ReadSession, wanted: Idempotency) -> Answer | None:
    """The answer given before. Raises Conflict idempotency_key_reused if that was to another
    request."""
    row = await session.get(IdempotencyRow, (wanted.scope, wanted.key))
    if row is None:
        return None
    if not hmac.compare_digest(row.request_hash, wanted.request_hash):
        raise Conflict(
            "idempotency_key_reused", "this idempotency key was used for another request"
        )
    return Answer(row.status, row.response, replayed=True)


async def store_answer(
    session: WriteSession, key: Idempotency, answer: Answer, now: datetime
) -> None:
    """In the transaction of the effect. If another transaction stored one meanwhile, the database
    says so when this one ends (IntegrityError) and the effect is undone with it."""
    session.add(
        IdempotencyRow(
            scope=key.scope,
            key=key.key,
            request_hash=key.request_hash,
            status=answer.status,
            response=answer.body,
            created_at=now,
        )
    )
