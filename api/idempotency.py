"""The Idempotency-Key header: whose key it is, what was asked, and answers given again."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Annotated, TypeVar

from fastapi import Header
from pydantic import BaseModel, StringConstraints
from sqlalchemy.exc import IntegrityError
from starlette.responses import Response

from api.errors import PROBLEM_JSON
from custody.db.session import WriteSession
from custody.errors import Conflict
from custody.services import Services
from custody.transfers.idempotency import store_answer, stored_answer
from custody.transfers.request import Answer, Idempotency
from custody.vaults.service import Within
from signer.wire import canonical_json

T = TypeVar("T")

_Key = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
_MEANING = (
    "Any text of yours that names this request. The same key with the same request gives the same "
    "answer, also after a failure or a lost reply; with another request it is refused (409)."
)

RequiredKey = Annotated[
    _Key, Header(alias="Idempotency-Key", description=_MEANING, examples=["invoice-2041"])
]
OptionalKey = Annotated[
    _Key | None, Header(alias="Idempotency-Key", description=_MEANING, examples=["client-7"])
]


def idempotency_of(key: str, client_id: str | None, route: str, body: BaseModel) -> Idempotency:
    """`client_id`: for whom something is made, whoever asks; None: for the house, or not known
    here. Never the API key's own id: its successor must find what it asked for."""
    asked = canonical_json({"route": route, "body": body.model_dump(mode="json")})
    return Idempotency(route, key, sha256(asked).digest(), client_id)


def respond(answer: Answer) -> Response:
    """The answer as it is stored, and whether it was given before."""
    headers = {"Idempotency-Replayed": "true"} if answer.replayed else {}
    media_type = PROBLEM_JSON if answer.status >= 400 else "application/json"
    return Response(answer.body, answer.status, headers, media_type)


async def once(
    services: Services,
    key: Idempotency | None,
    render: Callable[[T], BaseModel],
    make: Callable[[Within[T] | None], Awaitable[object]],
) -> Response:
    """Create something at most once for `key`; without a key, each time. 201 with the thing."""
    answer: Answer | None = None
    if key is not None:
        async with services.custody.database.read() as session:
            answer = await stored_answer(session, key)
        if answer is not None:
            return respond(answer)

    async def within(session: WriteSession, made: T) -> None:
        nonlocal answer
        answer = Answer(201, render(made).model_dump_json().encode())
        if key is not None:
            await store_answer(session, key, answer, services.custody.clock())

    try:
        await make(within)
    except IntegrityError:
        if key is None:
            raise
        async with services.custody.database.read() as session:
            answer = await stored_answer(session, key)
        if answer is None:
            raise Conflict("try_again", "the request met another one; send it again") from None
    assert answer is not None
    return respond(answer)
