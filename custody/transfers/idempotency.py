"""Retry keys: the same key and request get the same answer, also after a failure.

The answer is a row of the transaction that made the effect, so one can't exist without the other.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select

from custody.db.session import ReadSession, WriteSession
from custody.db.tables import IdempotencyRow
from custody.errors import Conflict
from custody.transfers.request import Answer, Idempotency

_STORED = (
    select(IdempotencyRow.request_hash, IdempotencyRow.status, IdempotencyRow.response)
    .where(IdempotencyRow.scope == bindparam("scope"), IdempotencyRow.key == bindparam("key"))
    .order_by(IdempotencyRow.scope, IdempotencyRow.key)
)


async def lock_answer(session: WriteSession, wanted: Idempotency) -> Answer | None:
    """`stored_answer` as of now, in the transaction that may store another."""
    rows = await session.locked_rows(_STORED, {"scope": wanted.scope, "key": wanted.key})
    return _answer(rows, wanted)


async def stored_answer(session: ReadSession, wanted: Idempotency) -> Answer | None:
    """The answer given before. Raises Conflict idempotency_key_reused if that was to another
    request."""
    rows = await session.rows(_STORED.params(scope=wanted.scope, key=wanted.key))
    return _answer(rows, wanted)


def _answer(rows: Sequence[tuple[bytes, int, bytes]], wanted: Idempotency) -> Answer | None:
    if not rows:
        return None
    request_hash, status, response = rows[0]
    if not hmac.compare_digest(request_hash, wanted.request_hash):
        raise key_reused()
    return Answer(status, response, replayed=True)


def key_reused() -> Conflict:
    return Conflict("idempotency_key_reused", "this idempotency key was used for another request")


async def store_answer(
    session: WriteSession, key: Idempotency, answer: Answer, now: datetime
) -> None:
    """In the transaction of the effect. Raises IntegrityError if another transaction stored one
    meanwhile: the effect is then undone with this transaction."""
    await session.insert(
        IdempotencyRow,
        [
            {
                "scope": key.scope,
                "key": key.key,
                "request_hash": key.request_hash,
                "status": answer.status,
                "response": answer.body,
                "created_at": now,
            }
        ],
    )
