"""The feed: every change of what a client sees, once, in the order in which it was committed."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.errors import TooManyWaiting
from api.feedcursors import BEGINNING, NEWEST, FeedCursorOrNewest, decode, encode
from api.paging import LIMIT_DEFAULT, LIMIT_MAX
from api.schemas import Identifier, View, with_example
from custody.apikeys.model import Caller
from custody.db.feed_tables import EventRow
from custody.events import Kind
from custody.feeds import repository
from custody.feeds.repository import Cursor
from custody.services import Services
from custody.vaults import repository as vaults

router = APIRouter(prefix="/events", tags=["events"])

WAIT_MAX_S: Final = 30
WAITING_MAX: Final = 4
"""Requests of one API key that wait at the same time."""
_LOOK_S: Final = 1.0
"""How soon it is noticed that a reader who waits has gone."""
_PLACES: Final = {
    Kind.DEPOSIT.value: "/v1/deposits/{subject}",
    Kind.TRANSFER.value: "/v1/transfers/{subject}",
    Kind.ALARM.value: "/v1/alarms/{subject}",
    Kind.QUARANTINE_RULE.value: "/v1/quarantine-rules?include_ended=true",
    Kind.REFILL_RULE.value: "/v1/vaults/{vault}/refill-rules",
    Kind.REFILL.value: "/v1/vaults/{vault}/refills",
    Kind.SWEEP_RULE.value: "/v1/vaults/{vault}/sweeps",
    Kind.SWEEP.value: "/v1/vaults/{vault}/sweeps",
    Kind.COIN_RULE.value: "/v1/vaults/{vault}/coin-moves",
    Kind.COIN_MOVE.value: "/v1/vaults/{vault}/coin-moves",
    Kind.GAS_TOP_UP.value: "/v1/vaults/{vault}/gas",
    Kind.VAULT_MOVE.value: "/v1/vaults/{vault}",
}
"""Where the subject of an event is shown, by itself or in a list."""

EVENT_EXAMPLE = {
    "sequence": 41,
    "kind": "deposit",
    "subject": "dep_01k9zv6d4e5f6g7h8j9k0m1n2p",
    "href": "/v1/deposits/dep_01k9zv6d4e5f6g7h8j9k0m1n2p",
    "event": "change",
    "state": "credited",
    "vault_id": "vlt_01k9zv4a2b3c4d5e6f7g8h9j0k",
    "detail": None,
    "at": "2026-03-02T06:20:03Z",
}


class EventView(View):
    """`sequence` counts from 1, without a gap: in a client's feed that client's events, in the feed
    of everybody all of them. `state` is the one after this change; what is at `href` may have gone
    on since. Of a deposit everything but its state stays as it was."""

    model_config = with_example(EVENT_EXAMPLE)

    sequence: int
    kind: Kind
    subject: str
    href: str | None
    event: str
    state: str
    vault_id: str | None
    detail: str | None
    at: datetime


class EventsView(View):
    """`cursor` is never null: it leads on from the last event that was given, or from where the
    question began if there was none."""

    model_config = with_example({"items": [EVENT_EXAMPLE], "cursor": "41.9f0c1e"})

    items: list[EventView]
    cursor: str


class EventQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    cursor: FeedCursorOrNewest = Field(
        BEGINNING,
        description="`cursor` of the answer before; without one the feed is read from its "
        f"beginning, and with `{NEWEST}` from now on",
    )
    limit: int = Field(LIMIT_DEFAULT, ge=1, le=LIMIT_MAX)
    wait: int = Field(
        0, ge=0, le=WAIT_MAX_S, description="seconds to wait for an event if there is none yet"
    )
    client_id: Identifier | None = Field(
        None, description="whose feed; a key of the house that names none reads everybody's"
    )


@router.get("", summary="Follow what happens", responses=problems(404, 409, 429))
async def follow_events(
    query: Annotated[EventQuery, Query()],
    request: Request,
    caller: Reader,
    services: ServicesDependency,
) -> EventsView:
    """Every change of a deposit, a transfer, a transaction, an approval, a freeze, a pause and an
    alarm, of rules (of quarantine, refills, sweeps, coins and gas, and a vault's move) and of what
    they begin, once and in the order in which they were committed. Nothing is ever taken out of a
    feed.

    Keep the `cursor` with what you did about the events, and ask on from there. With `wait` the
    answer comes as soon as there is an event. 409 `cursor_unknown`: this database was restored from
    a backup that is older than the cursor; read on from the beginning, and compare.
    """
    client = await _whose(query, caller, services)
    until = time.monotonic() + query.wait
    after = await _start(query.cursor, client, services)
    with _waiting(caller.key_id) if query.wait else nullcontext():
        while True:
            async with services.custody.database.read() as session:
                head = await repository.head(session)
                rows = await repository.events_after(session, client, after, query.limit)
            left = until - time.monotonic()
            is_over = left <= 0 or services.feed.is_ending
            if rows or is_over or await request.is_disconnected():
                return EventsView(
                    items=[_view(at, row) for at, row in rows],
                    cursor=encode(rows[-1][0] if rows else after),
                )
            await services.feed.past(head, min(left, _LOOK_S))


async def _start(cursor: str, client: str | None, services: Services) -> Cursor:
    if cursor != NEWEST:
        return decode(cursor)
    async with services.custody.database.read() as session:
        return await repository.newest_event(session, client)


async def _whose(query: EventQuery, caller: Caller, services: Services) -> str | None:
    """None: everybody's. Raises NotFound client_not_found."""
    if query.client_id is None:
        return caller.client_id
    async with services.custody.database.read() as session:
        return (await vaults.client(session, query.client_id, only=caller.client_id)).id


_WAITS: Final = Counter[str]()


@contextmanager
def _waiting(key_id: str) -> Iterator[None]:
    """Raises TooManyWaiting."""
    if _WAITS[key_id] >= WAITING_MAX:
        raise TooManyWaiting(f"this API key has {WAITING_MAX} requests waiting")
    _WAITS[key_id] += 1
    try:
        yield
    finally:
        _WAITS[key_id] -= 1
        if not _WAITS[key_id]:
            del _WAITS[key_id]


def _view(at: Cursor, row: EventRow) -> EventView:
    place = _PLACES.get(row.kind)
    return EventView(
        sequence=at.number,
        kind=Kind(row.kind),
        subject=row.subject,
        href=None if place is None else place.format(subject=row.subject, vault=row.vault_id),
        event=row.event,
        state=row.state,
        vault_id=row.vault_id,
        detail=row.detail,
        at=row.created_at,
    )
