"""Payout files: many transfers in one upload, each as if it was asked for alone."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from api.auth import Reader, Spender
from api.context import ServicesDependency
from api.documentation import problems
from api.errors import problem
from api.paging import ListQuery, Order, Page, number_of, page_of
from api.schemas import Identifier, NetworkName
from api.v1.payout_lines import Judged
from api.v1.payout_views import (
    PayoutFileView,
    PayoutLineView,
    file_view,
    line_view,
    result_row,
    results_of,
)
from api.v1.transfer_bodies import ExternalId, RejectDuplicates
from custody.apikeys.model import Caller
from custody.audit.formats import MEDIA_TYPES, Format
from custody.db.listing import open_list
from custody.db.payout_tables import PayoutFileRow, PayoutLineRow
from custody.errors import NotFound, Unavailable
from custody.payouts import repository
from custody.payouts.model import FileState, Line, LineState
from custody.payouts.results import writer
from custody.payouts.service import Sent
from custody.services import Services
from custody.vaults import repository as vaults

router = APIRouter(prefix="/payout-files", tags=["payout files"])

FILE_BYTES_MAX: Final = 8 * 1024 * 1024
UPLOADS_MAX: Final = 4
"""Files that a process takes in at a time, so that together they stay small."""
UPLOAD_S: Final = 60.0
_ROWS: Final = 500
_LINES_SHOWN: Final = 1_000

_KIND: Final = re.compile(
    r"(text/csv|application/(?:jsonl|x-ndjson))(\s*;\s*[a-z]+=\"?[a-z0-9-]+\"?)*\s*",
    re.IGNORECASE | re.ASCII,
)

_uploads = asyncio.BoundedSemaphore(UPLOADS_MAX)


class InvalidLines(StrEnum):
    REFUSE = "refuse"
    """All or nothing: one line that can't be a payment refuses the file."""
    SKIP = "skip"
    """The others are paid."""


class UploadQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reference: ExternalId | None = Field(
        None,
        description="your own name of the file, of one file of the client. The same lines under "
        "another reference are another file, and paid again",
    )
    invalid_lines: InvalidLines = Field(
        InvalidLines.REFUSE,
        description="what lines that can't be payments do to the others: `refuse`, nothing is "
        "created; `skip`, the others go",
    )
    vault_id: Identifier | None = Field(None, description="of lines that name none")
    network: NetworkName | None = Field(None, description="of lines that name none")


class FilesQuery(ListQuery):
    state: FileState | None = None
    reference: ExternalId | None = None


class LinesQuery(ListQuery):
    order: Order = Field(Order.ASC, exclude=True, json_schema_extra={"enum": ["asc"]})
    state: LineState | None = None


_TEXT = {"type": "string", "minLength": 1}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {
                "schema": _TEXT,
                "example": "destination,amount,external_id\r\n"
                "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed,0.05,invoice-2042\r\n",
            },
            "application/jsonl": {
                "schema": _TEXT,
                "example": '{"destination": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", '
                '"amount": "0.05", "external_id": "invoice-2042"}\n',
            },
        },
    }
}


@router.post(
    "",
    status_code=201,
    summary="Send a payout file",
    response_model=PayoutFileView,
    responses=problems(404, 409, 503, writes=True),
    openapi_extra=_UPLOAD,
)
async def send_payout_file(
    request: Request,
    query: Annotated[UploadQuery, Query()],
    caller: Spender,
    services: ServicesDependency,
    reject_duplicates: RejectDuplicates = False,
) -> Response:
    """CSV with a header, or JSON lines, in UTF-8: at most 8 MiB and 20,000 lines, all of one
    client. A line has the fields of a request for a transfer. All are judged before anything is
    stored; `lines` of the problem names each that can't be a payment, with its column and code.
    Workers then ask for each transfer as if it came alone.

    The file is known by what it says: sent again, in whatever format, it is the same file and
    nobody is paid twice. `Reject-Duplicates: true` refuses a line that pays what an earlier one, or
    a transfer of a moment ago, pays.
    """
    if _uploads.locked():
        raise Unavailable("uploads_busy", "other files are being read; send it again in a moment")
    form = _form_of(request)
    if form is None:
        words = "send text/csv or application/jsonl, in UTF-8"
        return problem(415, "media_type_unsupported", words)
    given = {name: value for name in ("vault_id", "network") if (value := getattr(query, name))}
    judged = Judged(services, form, given, _client_of(services, caller), reject_duplicates)
    async with _uploads:
        refused = await _received(request, judged)
        if refused is not None:
            return refused
        bad = [line for line in judged.lines if line.fault is not None]
        if bad and (query.invalid_lines is InvalidLines.REFUSE or judged.client is None):
            return _invalid(bad)
        assert judged.client is not None, "each line that is good has a vault"
        sent = Sent(
            client_id=judged.client,
            reference=query.reference,
            form=form,
            columns=judged.columns,
            lines=judged.lines,
            digest=judged.digest,
            reject_duplicates=reject_duplicates,
            caller=caller,
        )
        is_new = await services.payout_files.store(sent)
    view = await _view(services, sent.id, caller)
    headers = {} if is_new else {"Idempotency-Replayed": "true"}
    return JSONResponse(view.model_dump(mode="json"), 201, headers)


@router.get("", summary="List payout files", responses=problems())
async def list_payout_files(
    query: Annotated[FilesQuery, Query()], caller: Reader, services: ServicesDependency
) -> Page[PayoutFileView]:
    """In the order in which they came."""
    async with open_list(services.custody.database, PayoutFileRow) as (session, settled):
        rows = await repository.files(
            session,
            query.window(settled),
            client=caller.client_id,
            state=query.state,
            reference=query.reference,
        )
        views = {
            row.id: await file_view(session, row, services.custody.catalogue)
            for row in rows[: query.limit]
        }
    return page_of(rows, query.limit, number_of, lambda row: views[row.id])


@router.get("/{payout_file_id}", summary="Get a payout file", responses=problems(404))
async def get_payout_file(
    payout_file_id: Identifier, caller: Reader, services: ServicesDependency
) -> PayoutFileView:
    """With how many of its lines and transfers are in which state, and how much that is. `done`
    once each line has become a transfer, or says why not; transfers go on after that."""
    return await _view(services, payout_file_id, caller)


@router.get(
    "/{payout_file_id}/lines", summary="List the lines of a payout file", responses=problems(404)
)
async def list_payout_lines(
    payout_file_id: Identifier,
    query: Annotated[LinesQuery, Query()],
    caller: Reader,
    services: ServicesDependency,
) -> Page[PayoutLineView]:
    """In the file's order, each with what became of it."""
    window = query.window(None)
    async with services.custody.database.read() as session:
        await repository.file(session, payout_file_id, caller.client_id)
        rows = await repository.lines_after(
            session, payout_file_id, window.after or 0, window.limit, query.state
        )
    return page_of(rows, query.limit, lambda each: f"seq_{each[0].number}", line_view)


_RESULT = {
    "text/csv": {"schema": {"type": "string"}, "example": "line,state,transfer_id,…\r\n"},
    "application/jsonl": {"schema": {"type": "string"}, "example": '{"line": 2, …}\n'},
}


@router.get(
    "/{payout_file_id}/result",
    summary="Download what became of a payout file",
    response_class=StreamingResponse,
    responses={200: {"description": "The lines", "content": _RESULT}, **problems(404)},
)
async def get_payout_result(
    payout_file_id: Identifier, caller: Reader, services: ServicesDependency
) -> StreamingResponse:
    """In the format in which it was sent: its own columns, and then what became of each line. A
    cell that a spreadsheet would run has an apostrophe before it."""
    async with services.custody.database.read() as session:
        row = await repository.file(session, payout_file_id, caller.client_id)
        first = await repository.lines_after(session, row.id, 0, _ROWS)
    return StreamingResponse(
        _written(services, row, first),
        media_type=MEDIA_TYPES[Format(row.form)],
        headers={"Content-Disposition": f'attachment; filename="{row.id}.{row.form}"'},
    )


async def _written(
    services: Services, row: PayoutFileRow, rows: Sequence[tuple[PayoutLineRow, str | None]]
) -> AsyncIterator[bytes]:
    text = writer(Format(row.form), results_of(row))
    yield text.head()
    while rows:
        yield text.lines([result_row(each, state) for each, state in rows])
        async with services.custody.database.read() as session:
            after = rows[-1][0].number
            rows = await repository.lines_after(session, row.id, after, _ROWS)


def _form_of(request: Request) -> Format | None:
    found = _KIND.fullmatch(request.headers.get("content-type", ""))
    if found is None:
        return None
    return Format.CSV if found[1].lower() == "text/csv" else Format.JSONL


async def _received(request: Request, judged: Judged) -> Response | None:
    """Read and judge it. What refuses the file alone by its size. Raises Invalid, Unavailable."""
    length = 0
    try:
        async with asyncio.timeout(UPLOAD_S):
            async for part in request.stream():
                length += len(part)
                if length > FILE_BYTES_MAX:
                    words = f"a payout file has at most {FILE_BYTES_MAX} bytes"
                    close = {"Connection": "close"}
                    return problem(413, "body_too_large", words, headers=close)
                await judged.feed(part)
    except TimeoutError:
        raise Unavailable("upload_too_slow", f"it took more than {UPLOAD_S:.0f} s") from None
    await judged.end()
    return None


def _invalid(bad: Sequence[Line]) -> Response:
    """Nothing was created. Every such line, up to a number that still helps."""
    told: list[dict[str, Any]] = []
    for line in bad[:_LINES_SHOWN]:
        fault = line.fault
        assert fault is not None
        told.append(
            {"line": line.line, "column": fault.field, "code": fault.code, "detail": fault.detail}
        )
    words = f"{len(bad)} lines can't be payments; nothing was created"
    return problem(422, "payout_file_invalid", words, lines=told, lines_invalid=len(bad))


def _client_of(services: Services, caller: Caller) -> Any:
    async def find(vault_id: str) -> str | None:
        async with services.custody.database.read() as session:
            try:
                return (await vaults.vault(session, vault_id, only=caller.client_id)).client_id
            except NotFound:
                return None

    return find


async def _view(services: Services, file_id: str, caller: Caller) -> PayoutFileView:
    async with services.custody.database.read() as session:
        only = caller.client_id
        row = await repository.file(session, file_id, only)
        return await file_view(session, row, services.custody.catalogue)
