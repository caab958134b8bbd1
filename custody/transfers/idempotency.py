"""Retry keys: the same key and request get the same answer, also after a failure.

The answer is a row of the transaction that made the effect, so one can't exist without the other.
"""

from __future__ import annotations

import hmac
from datetime import datetime

from custody.db.session import ReadSession, WriteSession
from custody.db.tables import IdempotencyRow
from custody.errors import Conflict
from custody.transfers import idempotency_repository
from custody.transfers.idempotency_repository import Stored
from custody.transfers.request import Answer, Idempotency


async def lock_answer(session: WriteSession, wanted: Idempotency) -> Answer | None:
    """`stored_answer` as of now, in the transaction that may store another."""
    found = await idempotency_repository.lock_stored(session, wanted.scope, wanted.key)
    return _answer(found, wanted)


async def stored_answer(session: ReadSession, wanted: Idempotency) -> Answer | None:
    """The answer given before. Raises Conflict idempotency_key_reused if that was to another
    request."""
    found = await idempotency_repository.stored(session, wanted.scope, wanted.key)
    return _answer(found, wanted)


def _answer(found: Stored | None, wanted: Idempotency) -> Answer | None:
    if found is None:
        return None
    if not hmac.compare_digest(found.request_hash, wanted.request_hash):
        raise key_reused()
    return Answer(found.status, found.response, replayed=True)


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
