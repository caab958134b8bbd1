"""Approvals: what waits for whom, the bytes to sign, and the signed verdicts.

An API key only carries the message. The authority is the approver's own Ed25519 key, which the
signed policy names.
"""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field, StringConstraints

from api.auth import Approver, Reader
from api.context import ServicesDependency
from api.documentation import problems
from api.paging import ListQuery, Page, encode_cursor, number_of
from api.schemas import Ascii, Body, Identifier, Version, View, body_example, with_example
from api.v1.transfer_views import (
    MANDATE_EXAMPLE,
    TRANSFER_EXAMPLE,
    TransferView,
    transfer_view,
)
from chains.catalogue import Catalogue
from custody.approvals.service import Waiting
from custody.db.listing import open_list
from custody.db.transfer_tables import TransferRow
from custody.transfers.mandates import stored_mandate
from signer.wire import Verdict, approval_message

router = APIRouter(tags=["approvals"])

_AWAITING = TRANSFER_EXAMPLE | {
    "state": "awaiting_approval",
    "mandates": [MANDATE_EXAMPLE | {"state": "offered"}],
    "transactions": [],
}
_NEED = {"group": "treasury", "count": 1}
_GIVEN = {"approver": "alice", "verdict": "approve", "at": "2026-03-02T06:32:00Z"}
_MANDATE = (
    '{"action":"transfer","client":"cli_01k9zv3m8q4x7h2c5d6e8f9g0a",'
    '"expires_at":"2026-03-03T06:30:00Z","fee_max":"50000",…}'
)

Person = Annotated[Ascii, StringConstraints(min_length=1, max_length=200)]


class NeedView(View):
    """So many more persons of the group have to approve."""

    model_config = with_example(_NEED)

    group: str
    count: int


class GivenView(View):
    model_config = with_example(_GIVEN)

    approver: str
    verdict: Verdict
    at: datetime


class WaitingView(View):
    model_config = with_example(
        {
            "transfer": _AWAITING,
            "version": 1,
            "needs": [_NEED],
            "given": [_GIVEN],
            "unreadable": False,
        }
    )

    transfer: TransferView
    version: int = Field(description="of the transfer's terms that people are asked about")
    needs: list[NeedView] = Field(description="in a sequence, only the group whose turn it is")
    given: list[GivenView]
    unreadable: bool = Field(
        description="what is stored as its terms is not them (`mandate_unreadable`): nobody can "
        "decide on it until an operator has looked"
    )


class MandateView(View):
    """Sign `approve_message` or `reject_message` with your Ed25519 key, after you have computed it
    yourself: the domain, then SHA-256 over the mandate's domain and exactly these bytes."""

    model_config = with_example(
        {
            "transfer_id": TRANSFER_EXAMPLE["id"],
            "version": 1,
            "mandate": _MANDATE,
            "digest": MANDATE_EXAMPLE["digest"],
            "approve_message": "63757374" + "3a" * 32,
            "reject_message": "63757375" + "3a" * 32,
        }
    )

    transfer_id: str
    version: int
    mandate: str = Field(description="canonical JSON (RFC 8785), byte for byte what is signed")
    digest: str = Field(description="hex")
    approve_message: str = Field(description="hex; what a key signs to approve")
    reject_message: str = Field(description="hex; what a key signs to reject")


class NewApproval(Body):
    model_config = body_example({"approver": "alice", "verdict": "approve", "signature": "5f" * 64})

    approver: Person = Field(description="the person's id in the policy")
    # A string in JSON, so strictness would refuse it for not being a Python enum.
    verdict: Annotated[Verdict, Field(strict=False)]
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{128}$")] = Field(
        description="Ed25519, 64 bytes in lower-case hex"
    )
    version: Version | None = Field(
        None, description="of the terms that were shown; the one that counts now if absent"
    )


class MandateQuery(Body):
    version: int | None = Field(None, ge=1, strict=False, description="the one that counts now")


class WaitingQuery(ListQuery):
    approver: Person | None = Field(
        None, description="only what this person may decide and has not yet"
    )


@router.get("/approvals", summary="List what waits for approval", responses=problems(503))
async def list_approvals(
    query: Annotated[WaitingQuery, Query()], caller: Reader, services: ServicesDependency
) -> Page[WaitingView]:
    """In order of creation. A page looks at a bounded number of transfers: with `approver` it may
    have few items, or none, and still be followed by another. The last one has no `next_cursor`."""
    async with open_list(services.custody.database, TransferRow) as (session, settled):
        page = await services.approvals.waiting(
            session, caller, query.approver, query.window(settled)
        )
    return Page(
        items=[_view(each, services.custody.catalogue) for each in page.items],
        next_cursor=None if page.last is None else encode_cursor(number_of(page.last)),
    )


@router.get(
    "/transfers/{transfer_id}/mandate", summary="Get a transfer's mandate", responses=problems(404)
)
async def get_mandate(
    transfer_id: Identifier,
    query: Annotated[MandateQuery, Query()],
    caller: Reader,
    services: ServicesDependency,
) -> MandateView:
    """The exact bytes that approvers sign and the signer checks."""
    async with services.custody.database.read() as session:
        row = await services.approvals.mandate(session, transfer_id, caller, query.version)
    stored_mandate(row)  # what can't be read is not for signing
    return MandateView(
        transfer_id=row.transfer_id,
        version=row.version,
        mandate=row.document.decode(),
        digest=row.digest.hex(),
        approve_message=approval_message(row.digest, Verdict.APPROVE).hex(),
        reject_message=approval_message(row.digest, Verdict.REJECT).hex(),
    )


@router.post(
    "/transfers/{transfer_id}/approvals",
    summary="Approve or reject a transfer",
    responses=problems(404, 409, 503, writes=True),
)
async def submit_approval(
    transfer_id: Identifier, body: NewApproval, caller: Approver, services: ServicesDependency
) -> TransferView:
    """Hand in a signed verdict. The last approval needed sends the transfer on its way; a rejection
    ends it and releases what it holds. Repeating the same verdict changes nothing."""
    after = await services.approvals.submit(
        transfer_id,
        caller,
        body.approver,
        body.verdict,
        bytes.fromhex(body.signature),
        body.version,
    )
    return transfer_view(after, services.custody.catalogue)


def _view(waiting: Waiting, catalogue: Catalogue) -> WaitingView:
    return WaitingView(
        transfer=transfer_view(waiting.transfer, catalogue),
        version=waiting.mandate.version,
        needs=[NeedView(group=need.group, count=need.count) for need in waiting.needs],
        given=[
            GivenView(approver=row.approver, verdict=Verdict(row.verdict), at=row.created_at)
            for row in waiting.given
        ],
        unreadable=waiting.unreadable,
    )
