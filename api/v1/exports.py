"""Exports for auditors: ledger entries, transfers and deposits of a time range, as they are read.

An answer is written part by part; neither side holds all of it. Its last line says that it is
complete.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.auth import Auditor
from api.context import ServicesDependency
from api.documentation import problems
from api.schemas import Identifier
from custody.apikeys.model import Caller
from custody.audit.export import DEPOSITS, ENTRIES, TRANSFERS, Part, Range, Subject, parts
from custody.audit.formats import MEDIA_TYPES, Format, writer
from custody.services import Services
from custody.vaults import repository as vaults

router = APIRouter(prefix="/audit", tags=["audit"])

_NUMBER_MAX = 2**63 - 1


class ExportQuery(BaseModel):
    """The range is half open: what is of `from` is in it, what is of `to` is not."""

    model_config = ConfigDict(extra="forbid")

    first: AwareDatetime | None = Field(None, alias="from", description="the earliest; RFC 3339")
    before: AwareDatetime | None = Field(
        None, alias="to", description="the first moment that is not in it any more"
    )
    after: int = Field(
        0, ge=0, le=_NUMBER_MAX, description="only what has a greater `sequence`: the `end` of an "
        "earlier export of the same client, or of all"
    )  # fmt: skip
    client_id: Identifier | None = Field(None, description="only this client's")
    format: Format | None = Field(None, description="instead of the Accept header")

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.first is not None and self.before is not None and self.before <= self.first:
            raise PydanticCustomError("range_empty", "`to` must be later than `from`")
        return self


def _responses(subject: Subject) -> dict[int | str, dict[str, Any]]:
    example = dict.fromkeys(subject.columns, "…")
    csv, lines = writer(Format.CSV, subject.columns), writer(Format.JSONL, subject.columns)
    shown: dict[str, str] = {
        "text/csv": csv.head() + csv.lines(subject.name, [{**example}]) + csv.end(1, 41),
        "application/jsonl": lines.lines(subject.name, [{**example}]) + lines.end(1, 41),
    }
    text = {"schema": {"type": "string"}}
    content = {media: {**text, "example": each} for media, each in shown.items()}
    described = {"description": "The rows, and a last line of the record `end`"}
    return {200: {**described, "content": content}, **problems(404)}


Wanted = Annotated[ExportQuery, Query()]


def _route(noun: str, subject: Subject, title: str, words: str) -> None:
    async def export(
        query: Wanted, request: Request, caller: Auditor, services: ServicesDependency
    ) -> StreamingResponse:
        return await _export(subject, query, request, caller, services)

    router.add_api_route(
        f"/{noun}",
        export,
        name=f"export_{noun}",
        summary=title,
        description=words,
        responses=_responses(subject),
        response_class=StreamingResponse,
    )


_route(
    "entries",
    ENTRIES,
    "Export ledger entries",
    "In the order of their `sequence`, the number in the client's feed; without a client, in\n"
    "everybody's, where an entry between two clients stands twice. The range is about `created_at`."
    "\nNumbers have no gaps: what was booked later has a greater one.",
)
_AS_READ = (
    "Each as it is when it is read, in the order of the `sequence` of its first event. The range\n"
    "is about `{}`."
)
_route("transfers", TRANSFERS, "Export transfers", _AS_READ.format("requested_at"))
_route("deposits", DEPOSITS, "Export deposits", _AS_READ.format("created_at"))


async def _export(
    subject: Subject, query: ExportQuery, request: Request, caller: Caller, services: Services
) -> StreamingResponse:
    """The first part is read before the answer begins, so that trouble is still a problem with a
    code."""
    form = query.format or _accepted(request.headers.get("accept", ""))
    client = await _client(query, caller, services)
    wanted = Range(query.first, query.before, query.after, client)
    custody = services.custody
    found = parts(custody.database, custody.catalogue, subject, wanted)
    written = _written(subject, form, await anext(found), found)
    return StreamingResponse(written, media_type=MEDIA_TYPES[form])


async def _written(
    subject: Subject, form: Format, first: Part, more: AsyncIterator[Part]
) -> AsyncIterator[str]:
    text, rows, part = writer(form, subject.columns), 0, first
    yield text.head()
    while True:
        rows += len(part.lines)
        yield text.lines(subject.name, part.lines)
        if part.is_last:
            break
        part = await anext(more)
    yield text.end(rows, part.through)


async def _client(query: ExportQuery, caller: Caller, services: Services) -> str | None:
    """Whose rows are wanted. Raises NotFound client_not_found, also for one that the key doesn't
    see."""
    if query.client_id is None:
        return caller.client_id
    async with services.custody.database.read() as session:
        return (await vaults.client(session, query.client_id, only=caller.client_id)).id


def _accepted(header: str) -> Format:
    """CSV for who asks for it, else JSON lines."""
    kinds = [each.partition(";")[0].strip().lower() for each in header.split(",")]
    return Format.CSV if "text/csv" in kinds else Format.JSONL
